// SPDX-License-Identifier: Apache-2.0
#include <lares/service/sync.hpp>

#include <algorithm>

namespace lares::service {

SyncContributor::~SyncContributor() = default;

bool SyncContributor::append_always(const http::Requester&, std::string&) noexcept {
  return true;
}

SyncResponse::SyncResponse() = default;
SyncResponse::~SyncResponse() = default;
SyncResponse::SyncResponse(SyncResponse&&) noexcept = default;
SyncResponse& SyncResponse::operator=(SyncResponse&&) noexcept = default;

JoinedRoomSync* SyncResponse::room(std::int64_t room) {
  const auto there = std::ranges::find(joined, room, &JoinedRoomSync::room);
  if (there != joined.end()) {
    return &*there;
  }
  const auto known = std::ranges::find(joined_rooms, room, &std::pair<std::int64_t, std::string>::first);
  if (known == joined_rooms.end()) {
    return nullptr;
  }
  JoinedRoomSync& made = joined.emplace_back();
  made.room = room;
  made.room_id = known->second;
  return &made;
}

bool SyncResponse::empty() const noexcept {
  return std::ranges::all_of(joined,
                             [](const JoinedRoomSync& room) { return room.empty() && !room.newly_joined; }) &&
         left.empty() && invited.empty() && knocked.empty() && account_data.empty() && presence.empty() &&
         to_device.empty() && device_lists_changed.empty() && device_lists_left.empty();
}

}  // namespace lares::service
