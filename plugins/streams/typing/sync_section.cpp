// SPDX-License-Identifier: Apache-2.0
#include "sync_section.hpp"

#include <lares/json/writer.hpp>
#include <lares/matrix/filter.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace lares::typing {

using service::JoinedRoomSync;
using stream::StreamNumber;
using stream::StreamPosition;

namespace {

std::string serialise(const TypingRoom& room) {
  std::string out;
  json::Writer writer{out};
  writer.begin_object().key("content").begin_object().key("user_ids").begin_array();
  for (const std::string& user : room.users) {
    writer.value(user);
  }
  writer.end_array().end_object().key("type").value("m.typing").end_object();
  return out;
}

}  // namespace

Task<void> SyncSection::contribute(service::SyncScope& scope, service::SyncResponse& response) {
  const StreamPosition from = scope.from.at(StreamNumber::kTyping);
  const StreamPosition to = scope.to.at(StreamNumber::kTyping);
  const bool moved = to.maximum() > from.minimum();
  std::vector<std::pair<std::int64_t, bool>> rooms;
  for (const auto& [room, room_id] : response.joined_rooms) {
    bool whole = scope.initial;
    if (!whole && !response.joined.empty()) {
      const auto shown = std::ranges::find(response.joined, room, &JoinedRoomSync::room);
      whole = shown != response.joined.end() && shown->newly_joined;
    }
    if ((whole || moved) && scope.filter->wants_room(room_id) &&
        scope.filter->ephemeral().matches_room(room_id)) {
      rooms.emplace_back(room, whole);
    }
  }
  if (rooms.empty() || !scope.filter->ephemeral().matches("m.typing", {})) {
    co_return;
  }
  const Measure measure{looking_};
  for (const TypingRoom& room : co_await board_.changed(std::move(rooms), from, to)) {
    if (JoinedRoomSync* section = response.room(room.room)) {
      section->ephemeral.push_back(serialise(room));
    }
  }
}

}  // namespace lares::typing
