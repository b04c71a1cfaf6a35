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
    for (const auto& [number, whole] : rooms_whole) {
      const auto found = rooms_.find(number);
      if (!whole && anew) {
        TypingRoom room;
        room.room = number;
        result.push_back(found == rooms_.end() ? std::move(room) : found->second);
        continue;
      }
      if (found == rooms_.end()) {
        continue;
      }
      const TypingRoom& room = found->second;
      // A set is small and replaces the one before: of a room that is shown whole it may be newer than `to`.
      if (whole ? !room.users.empty()
                : !from.covers(room.writer, room.position) && to.covers(room.writer, room.position)) {
        result.push_back(room);
      }
    }
    return result;
  });
}

}  // namespace lares::typing
