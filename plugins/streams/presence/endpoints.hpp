// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/server.hpp>
#include <lares/service/rooms.hpp>
#include <lares/storage/intern.hpp>

#include "presence_board.hpp"
#include "presence_writer.hpp"
#include "settings.hpp"
#include "status_store.hpp"

namespace lares::presence {

/// What the endpoints of this plugin share.
struct Shared {
  Server& server;
  const Settings& settings;
  storage::Interner& interner;
  service::Rooms& rooms;
  PresenceBoard& board;
  PresenceWriter& writer;
  StatusStore& statuses;
};

void add_endpoints(Shared& shared);  ///< /presence/{userId}/status

}  // namespace lares::presence
