// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task_group.hpp>
#include <lares/base/log.hpp>
#include <lares/base/metrics.hpp>
#include <lares/base/time.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/rooms.hpp>
#include <lares/storage/intern.hpp>
#include <lares/stream/hub.hpp>
#include <lares/stream/topology.hpp>

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "typing_board.hpp"
#include "typing_stream.hpp"

namespace lares::typing {

/// Somebody began to type, goes on, or stopped.
struct TypingChange {
  std::int64_t room = 0;
  std::string room_id;
  std::int64_t user = 0;
  std::string user_id;
  bool typing = false;
  std::int64_t timeout_ms = 0;
};

/// Keeps who types where, and until when. What concerns a room that another process keeps goes there.
///
/// **Threads**: any; the state is the board's actor's.
class TypingWriter {
 public:
  static constexpr std::size_t kMostTypists = 20'000;  ///< in all rooms; further ones are refused
  static constexpr std::size_t kMostUsers = 100;       ///< in one room; further ones are not shown

  TypingWriter(Server& server, stream::Hub& hub, stream::Peers& peers, service::Rooms& rooms,
               TypingBoard& board, TypingStream& stream);

  /// Begins to look for those whose time is over.
  void start();
  Task<void> stop();

  /// Returns when this process has applied the change.
  /// **Errors**: MatrixError: 429 where too many type, 503 if the writer is away.
  Task<void> change(TypingChange change);

 private:
  struct Typist {
    std::string user_id;
    SteadyTime until{};
  };
  struct Room {
    std::string room_id;
    std::unordered_map<std::int64_t, Typist> users;
  };

  Task<nlohmann::json> take(nlohmann::json body);
  /// On the actor's loop: the position after the change.
  std::int64_t change_here(const TypingChange& change);
  void publish(std::int64_t number, const Room& room);
  /// Takes somebody out of a room.
  void end(Room& room, std::int64_t user);
  Task<void> watch();
  Task<void> sweep();

  Server& server_;
  storage::Interner& interner_;
  stream::Hub& hub_;
  stream::Peers& peers_;
  service::Rooms& rooms_service_;
  TypingBoard& board_;
  TypingStream& stream_;
  stream::ShardMap shards_;
  TaskGroup tasks_;
  std::unordered_map<std::int64_t, Room> rooms_;
  std::int64_t position_ = 0;
  bool watching_ = false;
  std::size_t typists_ = 0;
  metrics::Gauge& typists_metric_;
  log::Logger log_{"lares.typing"};
};

}  // namespace lares::typing
