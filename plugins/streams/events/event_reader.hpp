// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/matrix/room_version.hpp>
#include <lares/service/rooms.hpp>
#include <lares/service/stored_event.hpp>
#include <lares/storage/database.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "room_head.hpp"

namespace lares::events {

/// Reads rows of `events` inside a transaction that the caller has. It keeps nothing; caches stand in front
/// of it.
///
/// **Threads**: a storage thread.
/// **Errors**: storage errors; storage::Corrupt where a stored event cannot be taken up.
class EventReader {
 public:
  /// Events by number, in the order of the numbers; null for one that is not there.
  [[nodiscard]] std::vector<service::StoredEventPtr> by_number(storage::ReadTransaction& tx,
                                                               std::span<const std::int64_t> numbers) const;
  [[nodiscard]] service::StoredEventPtr by_id(storage::ReadTransaction& tx, std::string_view event_id) const;

  /// The newest events of a room at or before `upto` and after `after`, newest first.
  [[nodiscard]] std::vector<service::StoredEventPtr> newest(storage::ReadTransaction& tx, std::int64_t room,
                                                            std::int64_t after, std::int64_t upto,
                                                            std::size_t limit) const;
  /// The newest event of a room that a place in the stream covers; null if there is none. Beneath a
  /// thousand that it does not cover, one before all that its writers are ahead with.
  [[nodiscard]] service::StoredEventPtr newest_covered(storage::ReadTransaction& tx, std::int64_t room,
                                                       const stream::StreamPosition& at) const;
  /// A page of history by (depth, position), away from a place.
  [[nodiscard]] std::vector<service::StoredEventPtr> history(storage::ReadTransaction& tx, std::int64_t room,
                                                             std::int64_t depth, std::int64_t position,
                                                             bool backwards, std::int64_t upto,
                                                             std::size_t limit) const;
  /// All rows of one writer in (from, to], in order: what replication repeats.
  [[nodiscard]] std::vector<service::StoredEventPtr> written(storage::ReadTransaction& tx,
                                                             stream::WriterNumber writer, std::int64_t from,
                                                             std::int64_t to, std::size_t limit) const;

  /// See service::Rooms::notifying_events.
  [[nodiscard]] std::vector<service::NotifyingEvent> notifying(storage::ReadTransaction& tx,
                                                               std::int64_t room, std::int64_t reader,
                                                               std::int64_t after, std::int64_t upto) const;

  /// The head of a room, null if the room is unknown.
  [[nodiscard]] std::unique_ptr<RoomHead> head(storage::ReadTransaction& tx, std::int64_t room,
                                               const matrix::RoomId& id) const;
};

/// What a room is, apart from its state.
struct RoomFacts {
  std::int64_t room = 0;
  const matrix::RoomVersion* version = nullptr;
  std::int64_t state = 0;  ///< root of the current state
};

[[nodiscard]] std::optional<RoomFacts> read_room_facts(storage::ReadTransaction& tx, std::int64_t room);

}  // namespace lares::events
