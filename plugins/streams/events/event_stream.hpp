// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/service/stored_event.hpp>
#include <lares/storage/database.hpp>
#include <lares/stream/hub.hpp>
#include <lares/stream/notifier.hpp>
#include <lares/stream/stream.hpp>

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "event_reader.hpp"
#include "room_caches.hpp"

namespace lares::events {

/// The stream of events as every process reads it: takes rows up into the caches and wakes the rooms they
/// belong to.
class EventStream final : public stream::Stream {
 public:
  EventStream(storage::Database& database, storage::Interner& interner, stream::Hub& hub,
              stream::Notifier& notifier, RoomCaches& caches, const EventReader& reader);

  [[nodiscard]] std::string_view name() const noexcept override { return "events"; }
  Task<std::int64_t> present(storage::Database& database) override;
  Task<std::vector<stream::StreamPosition::Ahead>> committed_beyond(storage::Database& database,
                                                                    stream::StreamPosition here) override;
  Task<void> apply(stream::WriterNumber writer, std::span<const stream::Row> rows,
                   std::int64_t upto) override;
  void wake(stream::WriterNumber writer, std::span<const stream::Row> rows, std::int64_t upto) override;
  Task<stream::Updates> updates(stream::WriterNumber writer, std::int64_t from, std::int64_t to,
                                std::size_t limit) override;

  /// Events that this process has committed: caches, then the position, then those who wait.
  void committed(std::span<const AppliedEvent> events);

 private:
  /// An event that was not read, since this process holds nothing of its room.
  struct PassedOver {
    std::int64_t room = 0;
    std::int64_t position = 0;
  };

  void notify(std::span<const AppliedEvent> events);
  /// As the database has it, or what is known of it.
  Task<bool> is_joined(std::int64_t user, std::int64_t room);
  /// False if something has to be read for these rows.
  Task<bool> pass_over(std::span<const stream::Row> rows);

  storage::Database& database_;
  storage::Interner& interner_;
  stream::Hub& hub_;
  stream::Notifier& notifier_;
  RoomCaches& caches_;
  const EventReader& reader_;
  std::vector<AppliedEvent> to_wake_;    // applied, and not announced yet
  std::vector<PassedOver> passed_over_;  // likewise
};

}  // namespace lares::events
