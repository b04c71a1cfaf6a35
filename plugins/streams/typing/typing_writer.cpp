// SPDX-License-Identifier: Apache-2.0
#include "typing_writer.hpp"

#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/stream/peers.hpp>
#include <lares/stream/topology.hpp>

#include <boost/system/system_error.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <utility>

namespace lares::typing {

using stream::StreamNumber;

namespace {

constexpr std::string_view kPath = "/_lares/replication/v1/typing/set";
constexpr std::chrono::milliseconds kSweep{500};
constexpr std::chrono::milliseconds kApplied{5'000};

}  // namespace

TypingWriter::TypingWriter(Server& server, stream::Hub& hub, stream::Peers& peers, service::Rooms& rooms,
                           TypingBoard& board, TypingStream& stream)
    : server_(server),
      interner_(server.services().get<storage::Interner>()),
      hub_(hub),
      peers_(peers),
      rooms_service_(rooms),
      board_(board),
      stream_(stream),
      shards_(*server.config(), "typing", server.instance()),
      tasks_(server.runtime(), "typing"),
      typists_metric_(server.metrics()
                          .gauges({.name = "lares_typing_users",
                                   .help = "Users who type, in rooms whose typing this process keeps.",
                                   .labels = {metrics::Label::server_name()}})
                          .at({server.name()})) {
  if (stream::has_other_processes(*server.config()) &&
      stream::writes_stream(*server.config(), "typing", server.instance())) {
    stream::add_peer_route(
        server, "ReplicationTyping", std::string{kPath},
        [this](nlohmann::json body) -> Task<nlohmann::json> { return take(std::move(body)); });
  }
}

void TypingWriter::start() {
  position_ = hub_.incarnation_position();
}

Task<void> TypingWriter::stop() {
  co_await tasks_.stop();
}

Task<nlohmann::json> TypingWriter::take(nlohmann::json body) {
  TypingChange change{.room = 0,
                      .room_id = body.at("room_id").get<std::string>(),
                      .user = 0,
                      .user_id = body.at("user_id").get<std::string>(),
                      .typing = body.at("typing").get<bool>(),
                      .timeout_ms = body.at("timeout_ms").get<std::int64_t>()};
  // Numbers do not travel: each process has them from the database.
  change.room = co_await interner_.intern_room(change.room_id);
  change.user = co_await interner_.intern_user(change.user_id);
  const std::int64_t position = co_await board_.actor().call([this, &change] { return change_here(change); });
  co_return nlohmann::json{{"position", position}};
}

Task<void> TypingWriter::change(TypingChange change) {
  if (shards_.mine(change.room_id)) {
    co_await board_.actor().call([this, &change] { return change_here(change); });
    co_return;
  }
  const std::string instance = shards_.writer_of(change.room_id);
  nlohmann::json body = {{"room_id", change.room_id},
                         {"user_id", change.user_id},
                         {"typing", change.typing},
                         {"timeout_ms", change.timeout_ms}};
  const nlohmann::json answer =
      co_await peers_.call(instance, std::string{kPath}, std::move(body), stream::Repeat::kFreely);
  const auto position = answer.at("position").get<std::int64_t>();
  const stream::WriterNumber writer = co_await hub_.writer_number(instance);
  co_await hub_.reached(StreamNumber::kTyping, writer, position, kApplied);
}

void TypingWriter::end(Room& room, std::int64_t user) {
  typists_ -= room.users.erase(user);
  typists_metric_.set(static_cast<std::int64_t>(typists_));
}

std::int64_t TypingWriter::change_here(const TypingChange& change) {
  const auto known = rooms_.find(change.room);
  const bool types = known != rooms_.end() && known->second.users.contains(change.user);
  if (!change.typing) {
    if (types) {
      end(known->second, change.user);
      publish(known->first, known->second);
      if (known->second.users.empty()) {
        rooms_.erase(known);
      }
    }
    return position_;
  }
  if (!types && typists_ >= kMostTypists) {
    throw http::limit_exceeded(std::chrono::seconds{5});
  }
  if (!types && known != rooms_.end() && known->second.users.size() >= kMostUsers) {
    return position_;
  }
  Room& room = rooms_[change.room];
  room.room_id = change.room_id;
  room.users[change.user] = {change.user_id,
                             server_.runtime().steady_now() + std::chrono::milliseconds{change.timeout_ms}};
  if (!types) {
    typists_metric_.set(static_cast<std::int64_t>(++typists_));
    publish(change.room, room);
  }
  if (!std::exchange(watching_, true)) {
    spawn(tasks_, Background{"typing-timeouts", server_.name()}, watch(), &board_.actor().loop());
  }
  return position_;
}

void TypingWriter::publish(std::int64_t number, const Room& room) {
  TypingRoom set;
  set.room = number;
  set.room_id = room.room_id;
  for (const auto& [user, typist] : room.users) {
    set.users.push_back(typist.user_id);
  }
  std::ranges::sort(set.users);
  set.position = ++position_;
  set.writer = hub_.self();
  stream_.written(std::move(set));
}

// Runs while anybody types.
Task<void> TypingWriter::watch() {
  while (!rooms_.empty()) {
    co_await server_.runtime().sleep_for(kSweep);
    try {
      co_await sweep();
    } catch (const boost::system::system_error&) {
      throw;
    } catch (const std::exception& error) {
      log_.warning("Whether those who type are still in their rooms could not be read: {}", error.what());
    }
  }
  watching_ = false;
}

// Ends the typing of those whose time is over, and of those who have left the room.
Task<void> TypingWriter::sweep() {
  const SteadyTime now = server_.runtime().steady_now();
  std::vector<std::pair<std::int64_t, std::int64_t>> typists;
  for (const auto& [number, room] : rooms_) {
    for (const auto& [user, typist] : room.users) {
      typists.emplace_back(number, user);
    }
  }
  std::vector<std::int64_t> changed;
  for (const auto& [number, user] : typists) {
    const std::optional<service::Membership> membership = co_await rooms_service_.membership(user, number);
    const auto room = rooms_.find(number);
    if (room == rooms_.end()) {
      continue;
    }
    const auto typist = room->second.users.find(user);
    if (typist == room->second.users.end()) {
      continue;
    }
    if (typist->second.until <= now || !membership || membership->membership != "join") {
      end(room->second, user);
      changed.push_back(number);
    }
  }
  std::ranges::sort(changed);
  changed.erase(std::ranges::unique(changed).begin(), changed.end());
  for (const std::int64_t number : changed) {
    const auto room = rooms_.find(number);
    if (room == rooms_.end()) {
      continue;
    }
    publish(number, room->second);
    if (room->second.users.empty()) {
      rooms_.erase(room);
    }
  }
}

}  // namespace lares::typing
