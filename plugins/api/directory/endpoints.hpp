// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/http/router.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/event_writer.hpp>
#include <lares/service/rooms.hpp>

#include "directory.hpp"
#include "public_rooms.hpp"

namespace lares::directory {

/// What the endpoints of this plugin share.
struct Shared {
  Server& server;
  Directory& directory;
  PublicRooms& public_rooms;
  service::Rooms& rooms;
  service::EventWriter& writer;
};

void add_aliases(Shared& shared);  ///< /directory/room/{roomAlias}, /rooms/{roomId}/aliases
void add_list(Shared& shared);     ///< /directory/list/room/{roomId}, /publicRooms

/// Whether the requester may send `m.room.canonical_alias` into a room, which is what changing the directory
/// takes; administrators of the server always may.
Task<bool> may_change(Shared& shared, const http::Requester& requester, matrix::RoomId room);

}  // namespace lares::directory
