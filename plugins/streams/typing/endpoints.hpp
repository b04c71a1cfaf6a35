// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/server.hpp>
#include <lares/service/rooms.hpp>

#include "typing_writer.hpp"

namespace lares::typing {

/// What the endpoint of this plugin needs.
struct Shared {
  Server& server;
  service::Rooms& rooms;
  TypingWriter& writer;
};

void add_endpoints(Shared& shared);  ///< /rooms/{roomId}/typing/{userId}

}  // namespace lares::typing
