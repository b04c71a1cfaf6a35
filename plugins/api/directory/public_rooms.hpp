// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/cache.hpp>
#include <lares/service/rooms.hpp>
#include <lares/storage/intern.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "directory.hpp"

namespace lares::directory {

/// A listed room as the directory shows it.
struct PublicRoom {
  std::string room_id;
  std::int64_t joined = 0;
  std::optional<std::string> name;
  std::optional<std::string> topic;
  std::optional<std::string> canonical_alias;
  std::optional<std::string> avatar_url;
  std::optional<std::string> room_type;
  std::string join_rule = "invite";
  bool world_readable = false;
  bool guest_can_join = false;
};

using PublicRoomList = std::shared_ptr<const std::vector<PublicRoom>>;

/// The list of public rooms, those with most members first. Where it is long it is put together once in a
/// while; a short one is always as it is now.
///
/// **Threads**: any.
class PublicRooms {
 public:
  PublicRooms(Runtime& runtime, TaskGroup& group, Directory& directory, storage::Interner& interner,
              service::Rooms& rooms, const std::string& server_name);

  Task<PublicRoomList> list();

 private:
  struct Held {
    PublicRoomList rooms;
    SteadyTime until;
  };
  Task<Held> load();
  Task<std::optional<PublicRoom>> look_at(matrix::RoomId room, std::int64_t number);

  Runtime& runtime_;
  Directory& directory_;
  storage::Interner& interner_;
  service::Rooms& rooms_;
  Cache<int, Held> held_;
};

}  // namespace lares::directory
