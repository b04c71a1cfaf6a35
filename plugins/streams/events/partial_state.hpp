// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/cache.hpp>
#include <lares/async/event.hpp>
#include <lares/service/cache_stream.hpp>
#include <lares/storage/database.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "persister.hpp"
#include "room_caches.hpp"

namespace lares::events {

/// States as they were found out later, in place of partial ones.
struct WholeStates {
  struct OfEvent {
    std::int64_t event = 0;
    std::int64_t before = 0;  ///< roots
    std::int64_t after = 0;
  };
  std::vector<OfEvent> events;
  std::int64_t current = 0;                ///< root of the room's state; 0 leaves it
  std::vector<matrix::StateBlock> blocks;  ///< of these states, made by the room's writer (RoomHead::save)
  std::int64_t next_block = 0;             ///< after these blocks
};

/// Rooms of which this server knows a part of the state only, since it joined without waiting for the rest:
/// what needs all members waits until the rest is there.
///
/// **Threads**: any; what changes something is called by the room's writer.
class PartialState {
 public:
  PartialState(TaskGroup& loads, const std::string& server_name, storage::Database& database,
               storage::Interner& interner, service::CacheStream& stream, RoomCaches& caches);

  /// From now on the state of the room is partial. `servers` is what to ask for the rest, as JSON.
  Task<void> begin(std::int64_t room, std::string servers, std::int64_t now_ts);
  /// The state of these events is whole from now on. The states that they had are noted for collection.
  /// **Errors**: std::logic_error for an event whose state is not partial, and nothing is changed.
  Task<void> replace(std::int64_t room, WholeStates states);
  /// All of the room's state is there.
  /// **Errors**: std::logic_error while an event's state is still partial.
  Task<void> end(std::int64_t room);

  Task<bool> is_partial(std::int64_t room);
  /// Waits until all of the room's state is known. **Cancellation**: ends the wait.
  Task<void> whole(std::int64_t room);

 private:
  void drop(std::string_view room_id);
  Task<void> commit(std::int64_t room, std::function<void(storage::WriteTransaction&)> change);

  storage::Database& database_;
  storage::Interner& interner_;
  service::CacheStream& stream_;
  RoomCaches& caches_;
  Runtime& runtime_;
  Cache<std::int64_t, bool> partial_;
  Notification changed_;
};

/// Notes that the state of these events may be replaced: part of the transaction that inserts them.
void note_partial_state(storage::WriteTransaction& tx, std::span<const PreparedEvent* const> events);

}  // namespace lares::events
