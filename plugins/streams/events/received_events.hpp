// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/storage/migration.hpp>
#include <lares/storage/transaction.hpp>
#include <lares/stream/stream_number.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "persister.hpp"

// What a server knows of events that are not simply the next in their room: outliers, history from before,
// and the gaps between. An event with a place in the room goes through the Persister.

namespace lares::events {

/// A place where the room's history goes on and is not here: a backward extremity.
struct Hole {
  std::int64_t event = 0;  ///< number of the event that names what is missing
  std::int64_t depth = 0;  ///< of that event, clamped
  std::string missing;     ///< event id
};

/// Events that others refer to and whose place in the room is not known: no stream id, no state. One that is
/// there already stays as it is. On a storage thread.
void insert_outliers(storage::WriteTransaction& tx, std::span<const PreparedEvent> events);

/// Events from before what is known of the room, oldest first. Their stream ids are negative, so no stream
/// brings them to anybody: they are met by who reads back. Holes that they fill close, those at their own
/// beginning open. On a storage thread.
void insert_backfilled(storage::WriteTransaction& tx, stream::WriterNumber self,
                       std::span<const PreparedEvent> events);

/// The holes that these events, which have their rows, fill and leave. On a storage thread.
void settle_holes(storage::WriteTransaction& tx, std::span<const PreparedEvent* const> events);

/// Holes of a room at or below a depth, the deepest first.
[[nodiscard]] std::vector<Hole> read_holes(storage::ReadTransaction& tx, std::int64_t room,
                                           std::int64_t depth, std::size_t limit);

}  // namespace lares::events
