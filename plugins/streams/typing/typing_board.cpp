// SPDX-License-Identifier: Apache-2.0
#include "typing_board.hpp"

#include <algorithm>
#include <utility>

namespace lares::typing {

void TypingBoard::take(TypingRoom room) {
  const std::int64_t number = room.room;
  if (room.users.empty()) {
    ended_.emplace_back(number, room.position);
  }
  rooms_[number] = std::move(room);
  while (ended_.size() > kMostEnded) {
    const auto found = rooms_.find(ended_.front().first);
    if (found != rooms_.end() && found->second.position == ended_.front().second) {
      rooms_.erase(found);
    }
    ended_.pop_front();
  }
}

std::vector<TypingRoom> TypingBoard::typing_of(stream::WriterNumber writer) const {
  std::vector<TypingRoom> result;
  for (const auto& [number, room] : rooms_) {
    if (room.writer == writer && !room.users.empty()) {
      result.push_back(room);
    }
  }
  return result;
}

std::vector<TypingRoom> TypingBoard::between(stream::WriterNumber writer, std::int64_t from,
                                             std::int64_t to) const {
  std::vector<TypingRoom> result;
  for (const auto& [number, room] : rooms_) {
    if (room.writer == writer && room.position > from && room.position <= to) {
      result.push_back(room);
    }
  }
  std::ranges::sort(result, {}, &TypingRoom::position);
  return result;
}

Task<std::vector<TypingRoom>> TypingBoard::changed(std::vector<std::pair<std::int64_t, bool>> rooms_whole,
                                                   stream::StreamPosition from, stream::StreamPosition to) {
  co_return co_await actor_.call([this, &rooms_whole, &from, &to] {
    std::vector<TypingRoom> result;
    // What was shown of a writer's former life is known to nobody any more.
    const bool anew = incarnation_of(from.minimum()) < incarnation_of(to.maximum());
    const bool initial = from.maximum() == 0;
    for (const auto& [number, whole] : rooms_whole) {
      const auto found = rooms_.find(number);
      const TypingRoom* const room = found == rooms_.end() ? nullptr : &found->second;
      if (whole || anew) {
        // A set is small and replaces the one before, so it may be newer than `to`. But of a client that was
        // told more elsewhere than this process has heard, no row will say that it is over.
        const bool holds = room != nullptr && to.of(room->writer) >= from.of(room->writer);
        if (holds && !room->users.empty()) {
          result.push_back(*room);
        } else if (!initial) {
          // The client may have been shown somebody before it left the room, or the writer's process ended.
          result.emplace_back().room = number;
        }
      } else if (room != nullptr && !from.covers(room->writer, room->position) &&
                 to.covers(room->writer, room->position)) {
        result.push_back(*room);
      }
    }
    return result;
  });
}

}  // namespace lares::typing
