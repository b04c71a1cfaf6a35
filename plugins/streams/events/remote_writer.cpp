// SPDX-License-Identifier: Apache-2.0
#include "remote_writer.hpp"

#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/json/writer.hpp>
#include <lares/stream/topology.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <utility>

namespace lares::events {

using http::Access;
using http::Method;
using http::Peer;
using http::Request;
using http::Response;
using nlohmann::json;
using service::NewEvent;
using service::WriteRequest;
using service::WriteResult;

namespace {

constexpr std::chrono::milliseconds kApplied{5'000};
constexpr std::chrono::milliseconds kPause{200};
constexpr int kTries = 25;

std::string encode(const WriteRequest& request) {
  json body = {{"events", json::array()}, {"return_existing_state", request.return_existing_state}};
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
  return body.dump();
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

[[noreturn]] void throw_answer(const http::ClientResponse& answer, const std::string& instance) {
  const json body = json::parse(answer.body, nullptr, false);
  if (!body.is_object() || !body.contains("errcode") || !body["errcode"].is_string() ||
      answer.status >= 500) {
    throw http::unavailable("The event could not be written.")
        .because("The process " + instance + " answered with status " + std::to_string(answer.status) + ".");
  }
  http::MatrixError error{answer.status, body["errcode"].get<std::string>(),
                          body.value("error", std::string{})};
  for (const auto& [key, value] : body.items()) {
    if (key != "errcode" && key != "error") {
      error = std::move(error).with(key, value.dump());
    }
  }
  throw http::MatrixError{error};
}

Task<Response> post_write(service::EventWriter& writer, Request& request) {
  WriteRequest write;
  try {
    write = decode(request.json());
  } catch (const json::exception& error) {
    throw http::bad_json("The request of a peer cannot be read.").because(error.what());
  }
  request.shield_from_cancellation();
  const WriteResult written = co_await writer.write(std::move(write));
  json answer = {
      {"room_id", written.room.str()}, {"position", written.position}, {"event_ids", json::array()}};
  for (const matrix::EventId& event : written.events) {
    answer["event_ids"].push_back(event.str());
  }
  co_return Response::json(answer);
}

}  // namespace

RemoteWriter::RemoteWriter(Server& server, stream::Hub& hub, std::string instance)
    : server_(server),
      hub_(hub),
      instance_(std::move(instance)),
      client_(server.runtime(), {.user_agent = "Lares replication", .server_name = server.name()}) {}

Task<WriteResult> RemoteWriter::write(WriteRequest request) {
  // A key of its own for what has none, so that a request whose answer was lost can be sent again.
  if (!request.transaction && request.events.size() == 1) {
    request.transaction = service::TransactionKey{.scope = "lares " + server_.instance(),
                                                  .id = crypto::random_alphanumeric(server_.runtime(), 20)};
  }
  const bool repeatable = request.transaction.has_value();
  const std::string body = encode(request);
  for (int attempt = 1;; ++attempt) {
    const ConfigPtr config = server_.config();
    const std::optional<http::Endpoint> endpoint = stream::instance_endpoint(*config, instance_);
    if (!endpoint) {
      throw http::unavailable("The event could not be written.")
          .because("instance_map does not say where " + instance_ + " listens.");
    }
    http::ClientRequest call{
        .method = Method::Post,
        .target = kWritePath,
        .headers = {{"Authorization", "Bearer " + config->string("worker_replication_secret")},
                    {"X-Lares-Instance", server_.instance()}},
        .body = body};
    std::optional<http::ClientResponse> answer;
    std::string failure;
    try {
      answer = co_await client_.send(*endpoint, std::move(call));
    } catch (const http::ClientError& error) {
      failure = error.what();
      if (!repeatable && !error.never_sent()) {
        throw http::unavailable("Whether the event was written is not known.").because(failure);
      }
    }
    if (answer && answer->status == 200) {
      const json result = json::parse(answer->body);
      WriteResult written{.room = parse_id<matrix::RoomId>(result.at("room_id")),
                          .events = {},
                          .writer = co_await hub_.writer_number(instance_),
                          .position = result.at("position").get<std::int64_t>()};
      for (const json& event : result.at("event_ids")) {
        written.events.push_back(parse_id<matrix::EventId>(event));
      }
      co_await hub_.reached(stream::StreamNumber::kEvents, written.writer, written.position, kApplied);
      co_return written;
    }
    // A writer that is being restarted is back in a moment: the client's request waits for it.
    const bool again = attempt < kTries && (!answer || answer->status == 503) && (repeatable || !answer);
    if (!again) {
      if (answer) {
        throw_answer(*answer, instance_);
      }
      throw http::unavailable("The event could not be written.").because(failure);
    }
    co_await server_.runtime().sleep_for(kPause);
  }
}

void add_write_route(Server& server, service::EventWriter& writer) {
  server.router().add<Access::Worker>(
      Method::Post, {kWritePath},
      {.name = "ReplicationWriteEvents", .body_limit = 16U << 20U, .resource = "replication"},
      [&writer](const Peer&, Request& request) { return post_write(writer, request); });
}

}  // namespace lares::events
