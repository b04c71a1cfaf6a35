// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/service/stored_event.hpp>

#include <cstdint>
#include <span>
#include <string_view>

namespace lares::storage {
class WriteTransaction;
}

namespace lares::service {

/// What an event does to the counts of unread messages of those in its room whose rules say nothing else.
/// Kept with the event; what differs from it is kept by user.
enum class Notify : std::uint8_t { kNothing = 0, kNotify = 1, kHighlight = 2 };

/// What sinks say of an event that is stored with it, and what they cannot see from the event.
struct EventMarks {
  Notify notify = Notify::kNothing;
  std::int64_t redacts = 0;  ///< number of the event that it redacts, once it may
  std::int64_t redacts_position = 0;
};

/// A place where others join the writing of events: push counts, relations, device-list changes commit with
/// the event or not at all. Joined with an order (`services.join<EventSink>(*this, order)`).
///
/// **Threads**: `prepare` on the persister's loop; `write` on a storage thread, maybe more than once;
/// `committed` on the persister's loop.
class LARES_EXPORT EventSink {
 public:
  static constexpr std::string_view kServiceId = "lares.event-sink/1";
  virtual ~EventSink();

  /// Computes whatever needs time, before the transaction, and may set marks (one for each event). The events
  /// have no position yet.
  virtual Task<void> prepare(std::span<const StoredEventPtr> events, std::span<EventMarks> marks) = 0;
  /// Only SQL. The events' positions are drawn.
  virtual void write(storage::WriteTransaction& tx, std::span<const StoredEventPtr> events) = 0;
  /// After the commit, before anybody is told.
  virtual void committed(std::span<const StoredEventPtr> events) noexcept = 0;
};

}  // namespace lares::service
