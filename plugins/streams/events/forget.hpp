// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/declarations.hpp>
#include <lares/plugin/server.hpp>
#include <lares/storage/database.hpp>
#include <lares/storage/intern.hpp>

#include "room_caches.hpp"

namespace lares::events {

/// Declares `forget_rooms_on_leave`.
void declare_forget(Declarations& declarations);

/// Adds POST /rooms/{roomId}/forget: a room that its former member neither sees in /sync nor reads any more.
///
/// spec: Client-Server API, "Leaving rooms"
void add_forget(Server& server, storage::Database& database, storage::Interner& interner, RoomCaches& caches);

}  // namespace lares::events
