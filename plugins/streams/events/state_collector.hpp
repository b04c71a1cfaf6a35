// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/matrix/state_map.hpp>
#include <lares/storage/database.hpp>
#include <lares/stream/hub.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lares::events {

/// Inserts blocks of a room's states. On a storage thread.
void insert_state_blocks(storage::WriteTransaction& tx, std::int64_t room,
                         std::span<const matrix::StateBlock> blocks);

/// Notes states (roots) that an event has referred to and does no longer. On a storage thread.
void note_dropped_states(storage::WriteTransaction& tx, std::int64_t room,
                         std::span<const std::int64_t> roots);

/// Rooms with dropped states whose state is whole.
Task<std::vector<std::int64_t>> rooms_to_collect(storage::Database& database);

/// What one step has collected.
struct Collected {
  std::size_t states = 0;  ///< 0 when there is nothing left
  std::size_t blocks = 0;
};

/// Deletes the blocks that a few of the room's dropped states need and nothing else does. Called by the
/// process that writes the room, until nothing is left.
///
/// What is sent meanwhile is built on states that are kept, and needs none of these blocks; what could be
/// built on a dropped state are the states of a room that is partial, so such a room has to wait.
Task<Collected> collect_states(storage::Database& database, stream::Hub& hub, std::int64_t room);

}  // namespace lares::events
