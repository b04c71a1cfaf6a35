// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/http/router.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/receipts.hpp>
#include <lares/service/rooms.hpp>
#include <lares/storage/database.hpp>
#include <lares/stream/stream_writer.hpp>

#include "receipt.hpp"

namespace lares::receipts {

using Writer = stream::StreamWriter<Receipt>;

/// What the endpoints of this plugin share.
struct Shared {
  Server& server;
  storage::Database& database;
  service::Rooms& rooms;
  Writer& writer;
};

/// /rooms/{roomId}/receipt/{receiptType}/{eventId}, /rooms/{roomId}/read_markers
void add_endpoints(Shared& shared);

}  // namespace lares::receipts
