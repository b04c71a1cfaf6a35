// SPDX-License-Identifier: Apache-2.0
#include "typing_stream.hpp"

#include <lares/json/value.hpp>
#include <lares/json/writer.hpp>
#include <lares/stream/topology.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace lares::typing {

using stream::StreamNumber;

namespace {

constexpr std::string_view kUpdatesPath = "/_lares/replication/v1/typing/updates";

}  // namespace

std::string row_of(const TypingRoom& room) {
  std::string out;
  json::Writer writer{out};
  writer.begin_array().value(room.room_id).begin_array();
  for (const std::string& user : room.users) {
    writer.value(user);
  }
  writer.end_array().end_array();
  return out;
}

TypingStream::TypingStream(Server& server, storage::Interner& interner, stream::Hub& hub,
                           stream::Notifier& notifier, stream::Peers& peers, TypingBoard& board)
    : server_(server), interner_(interner), hub_(hub), notifier_(notifier), peers_(peers), board_(board) {
  if (stream::has_other_processes(*server.config()) &&
      stream::writes_stream(*server.config(), name(), server.instance())) {
    stream::add_peer_route(
        server, "ReplicationTypingUpdates", std::string{kUpdatesPath},
        [this](nlohmann::json body) -> Task<nlohmann::json> { return answer(std::move(body)); });
  }
}

Task<std::int64_t> TypingStream::present(storage::Database&) {
  return hub_.memory_start(StreamNumber::kTyping);
}

// For other processes' rows alone, on the first loop, where the board is.
Task<void> TypingStream::apply(stream::WriterNumber writer, std::span<const stream::Row> rows,
                               std::int64_t upto) {
  std::vector<TypingRoom> taken;
  for (const stream::Row& row : rows) {
    TypingRoom room;
    room.writer = writer;
    room.position = row.position;
    int field = 0;
    for (const json::Value value : json::Value{row.json}.elements()) {
      if (field == 0) {
        room.room_id = value.to_string().value_or("");
      } else if (field == 1) {
        for (const json::Value user : value.elements()) {
          room.users.push_back(user.to_string().value_or(""));
        }
      }
      ++field;
    }
    const std::optional<std::int64_t> number = co_await interner_.lookup_room(room.room_id);
    if (number) {
      room.room = *number;
      taken.push_back(std::move(room));
    }
  }
  std::vector<std::int64_t>& wake = to_wake_[writer];
  std::int64_t& incarnation = incarnations_[writer];
  if (incarnation_of(upto) != incarnation) {
    incarnation = incarnation_of(upto);
    for (TypingRoom& room : board_.typing_of(writer)) {
      room.users.clear();
      room.position = upto;
      wake.push_back(room.room);
      board_.take(std::move(room));
    }
  }
  for (TypingRoom& room : taken) {
    wake.push_back(room.room);
    board_.take(std::move(room));
  }
}

void TypingStream::wake(stream::WriterNumber writer, std::span<const stream::Row>, std::int64_t upto) {
  for (const std::int64_t room : std::exchange(to_wake_[writer], {})) {
    notifier_.room(room, StreamNumber::kTyping, writer, upto);
  }
}

void TypingStream::written(TypingRoom room) {
  const std::int64_t number = room.room;
  const std::int64_t position = room.position;
  std::string row = row_of(room);
  board_.take(std::move(room));
  hub_.committed(StreamNumber::kTyping, position,
                 [&row, position] { return std::vector<stream::Row>{{position, std::move(row)}}; });
  notifier_.room(number, StreamNumber::kTyping, hub_.self(), position);
}

Task<std::string> TypingStream::instance_of(stream::WriterNumber writer) {
  const ConfigPtr config = server_.config();
  for (const std::string& instance : stream::stream_writers(*config, name())) {
    if (co_await hub_.writer_number(instance) == writer) {
      co_return instance;
    }
  }
  co_return std::string{};
}

Task<stream::Updates> TypingStream::updates(stream::WriterNumber writer, std::int64_t from, std::int64_t to,
                                            std::size_t) {
  stream::Updates updates;
  updates.upto = to;
  const std::string instance = co_await instance_of(writer);
  if (instance.empty() || writer == hub_.self()) {
    co_return updates;
  }
  nlohmann::json body = {{"from", from}, {"to", to}};
  const nlohmann::json found =
      co_await peers_.call(instance, std::string{kUpdatesPath}, std::move(body), stream::Repeat::kFreely);
  for (const nlohmann::json& row : found.at("rows")) {
    updates.rows.push_back({row.at(0).get<std::int64_t>(), row.at(1).get<std::string>()});
  }
  if (updates.rows.empty() && incarnation_of(from) != incarnation_of(to)) {
    // A row has to come, so that the sets of the writer's former life go.
    for (TypingRoom& room :
         co_await board_.actor().call([this, writer] { return board_.typing_of(writer); })) {
      room.users.clear();
      updates.rows.push_back({to, row_of(room)});
    }
  }
  co_return updates;
}

Task<nlohmann::json> TypingStream::answer(nlohmann::json body) {
  const auto from = body.at("from").get<std::int64_t>();
  const auto to = body.at("to").get<std::int64_t>();
  const std::vector<TypingRoom> rooms =
      co_await board_.actor().call([this, from, to] { return board_.between(hub_.self(), from, to); });
  auto rows = nlohmann::json::array();
  for (const TypingRoom& room : rooms) {
    rows.push_back(nlohmann::json::array({room.position, row_of(room)}));
  }
  co_return nlohmann::json{{"rows", std::move(rows)}};
}

}  // namespace lares::typing
