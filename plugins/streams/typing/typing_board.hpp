// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/actor.hpp>
#include <lares/async/runtime.hpp>
#include <lares/stream/stream_number.hpp>
#include <lares/stream/token.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lares::typing {

/// Who types in a room: the whole set.
struct TypingRoom {
  std::int64_t room = 0;
  std::string room_id;
  std::vector<std::string> users;
  std::int64_t position = 0;
  stream::WriterNumber writer = 0;
};

/// Of a position of the stream: the life of its writer in which it was given.
[[nodiscard]] constexpr std::int64_t incarnation_of(std::int64_t position) noexcept {
  return position >> 32;
}

/// The sets of all rooms, as far as this process has applied the stream. Those that have ended are kept for a
/// while, so that clients hear of the end.
///
/// **Threads**: everything but `changed` on the actor's loop, which is the first.
class TypingBoard {
 public:
  static constexpr std::size_t kMostEnded = 20'000;

  explicit TypingBoard(Runtime& runtime) : actor_(runtime.loop(0), "typing") {}

  [[nodiscard]] Actor& actor() noexcept { return actor_; }

  /// Replaces the set of a room.
  void take(TypingRoom room);
  /// The rooms of one writer in which somebody types.
  [[nodiscard]] std::vector<TypingRoom> typing_of(stream::WriterNumber writer) const;
  /// Rooms of one writer in (from, to], in the order of their positions.
  [[nodiscard]] std::vector<TypingRoom> between(stream::WriterNumber writer, std::int64_t from,
                                                std::int64_t to) const;

  /// The sets that changed in (from, to]; every set, the empty ones too, of `whole` rooms and where the
  /// writer began anew in between. From zero, which is a client that knows nothing, those in which somebody
  /// types.
  Task<std::vector<TypingRoom>> changed(std::vector<std::pair<std::int64_t, bool>> rooms_whole,
                                        stream::StreamPosition from, stream::StreamPosition to);

  [[nodiscard]] std::size_t rooms() const noexcept { return rooms_.size(); }

 private:
  Actor actor_;
  std::unordered_map<std::int64_t, TypingRoom> rooms_;
  std::deque<std::pair<std::int64_t, std::int64_t>> ended_;  // room and position, oldest first
};

}  // namespace lares::typing
