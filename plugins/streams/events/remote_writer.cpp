// SPDX-License-Identifier: Apache-2.0
#include "remote_writer.hpp"

#include <lares/async/measure.hpp>
#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/json/writer.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <utility>

namespace lares::events {

using nlohmann::json;
using service::NewEvent;
using service::WriteRequest;
using service::WriteResult;

namespace {

constexpr std::chrono::milliseconds kApplied{5'000};

json encode(const WriteRequest& request) {
  json body = {{"events", json::array()},
               {"return_existing_state", request.return_existing_state},
               {"only_while_joined", request.only_while_joined}};
  if (request.room) {
    body["room_id"] = request.room->str();
  } else {
    body["room_version"] = request.room_version;
  }
  if (request.transaction) {
    body["transaction"] = {{"scope", request.transaction->scope}, {"id", request.transaction->id}};
  }
  for (const NewEvent& event : request.events) {
    json entry = {{"type", event.type},
                  {"sender", event.sender.str()},
                  {"content", event.content},
                  {"origin_server_ts", event.origin_server_ts}};
    if (event.state_key) {
      entry["state_key"] = *event.state_key;
    }
    if (event.redacts) {
      entry["redacts"] = *event.redacts;
    }
    body["events"].push_back(std::move(entry));
  }
  return body;
}

template <class Id>
Id parse_id(const json& text) {
  auto id = Id::parse(text.get<std::string>());
  if (!id) {
    throw http::bad_json("An identifier cannot be read.");
  }
  return std::move(*id);
}

WriteRequest decode(const json& body) {
  WriteRequest request;
  request.return_existing_state = body.value("return_existing_state", true);
  request.only_while_joined = body.value("only_while_joined", false);
  if (const auto room = body.find("room_id"); room != body.end()) {
    request.room = parse_id<matrix::RoomId>(*room);
  } else {
    request.room_version = body.at("room_version").get<std::string>();
  }
  if (const auto transaction = body.find("transaction"); transaction != body.end()) {
    request.transaction = service::TransactionKey{.scope = transaction->at("scope").get<std::string>(),
                                                  .id = transaction->at("id").get<std::string>()};
  }
  for (const json& entry : body.at("events")) {
    NewEvent event{.type = entry.at("type").get<std::string>(),
                   .state_key = {},
                   .sender = parse_id<matrix::UserId>(entry.at("sender")),
                   .content = entry.at("content").get<std::string>(),
                   .redacts = {},
                   .origin_server_ts = entry.value("origin_server_ts", std::int64_t{0})};
    if (const auto key = entry.find("state_key"); key != entry.end()) {
      event.state_key = key->get<std::string>();
    }
    if (const auto redacts = entry.find("redacts"); redacts != entry.end()) {
      event.redacts = redacts->get<std::string>();
    }
    request.events.push_back(std::move(event));
  }
  return request;
}

WriteRequest parse(const json& body, MeasuredBlock& parsing) {
  const Measure measure{parsing};
  return decode(body);
}

Task<json> take_write(service::EventWriter& writer, MeasuredBlock& parsing, json body) {
  WriteRequest write = parse(body, parsing);
  const WriteResult written = co_await writer.write(std::move(write));
  json answer = {{"room_id", written.room.str()},
                 {"writer", written.writer},
                 {"position", written.position},
                 {"event_ids", json::array()}};
  for (const matrix::EventId& event : written.events) {
    answer["event_ids"].push_back(event.str());
  }
  co_return answer;
}

}  // namespace

RemoteWriter::RemoteWriter(Server& server, stream::Hub& hub, stream::Peers& peers)
    : server_(server), hub_(hub), peers_(peers) {}

Task<WriteResult> RemoteWriter::write(std::string instance, WriteRequest request) {
  // A key of its own for what has none, so that a request whose answer was lost can be sent again.
  if (!request.transaction && request.events.size() == 1) {
    request.transaction = service::TransactionKey{.scope = "lares " + server_.instance(),
                                                  .id = crypto::random_alphanumeric(server_.runtime(), 20)};
  }
  const stream::Repeat repeat = request.transaction ? stream::Repeat::kFreely : stream::Repeat::kNever;
  json body = encode(request);
  const json result = co_await peers_.call(instance, kWritePath, std::move(body), repeat);
  const stream::WriterNumber called = co_await hub_.writer_number(instance);
  // What was written before another process took the room over is that one's.
  WriteResult written{.room = parse_id<matrix::RoomId>(result.at("room_id")),
                      .events = {},
                      .writer = result.value("writer", called),
                      .position = result.at("position").get<std::int64_t>()};
  for (const json& event : result.at("event_ids")) {
    written.events.push_back(parse_id<matrix::EventId>(event));
  }
  co_await hub_.reached(stream::StreamNumber::kEvents, written.writer, written.position, kApplied);
  co_return written;
}

void add_write_route(Server& server, service::EventWriter& writer) {
  auto parsing = std::make_shared<MeasuredBlock>(server.runtime(), server.name(), "repl_send_events_parse");
  stream::add_peer_route(server, "ReplicationWriteEvents", kWritePath,
                         [&writer, parsing = std::move(parsing)](json body) {
                           return take_write(writer, *parsing, std::move(body));
                         });
}

}  // namespace lares::events
