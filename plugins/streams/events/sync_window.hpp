// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/service/stored_event.hpp>
#include <lares/stream/token.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace lares::events {

/// Which events of one room lie between two places, asked from the newest on.
///
/// A room is written by one process after the other, each of which goes on where the former has stopped. So
/// whoever is shown an event is shown everything before it, also what a former writer wrote whose place the
/// token does not have yet; and whoever has an event has everything before it.
class SyncWindow {
 public:
  enum class Place { kAfter, kIn, kBefore };

  /// `from` null: from the room's beginning. `inside`: a newer event has been in already.
  SyncWindow(const stream::Token* from, const stream::Token& to, bool inside = false)
      : from_(from), to_(to), in_(inside) {}

  [[nodiscard]] Place place(const service::StoredEvent& event) {
    in_ = in_ || to_.covers(stream::StreamNumber::kEvents, event.writer, event.position);
    if (!in_) {
      return Place::kAfter;
    }
    const bool had =
        from_ != nullptr && from_->covers(stream::StreamNumber::kEvents, event.writer, event.position);
    return had ? Place::kBefore : Place::kIn;
  }

 private:
  const stream::Token* from_;
  const stream::Token& to_;
  bool in_;
};

/// Reads as many of a room's events up to a position, newest first.
using ReadNewest =
    std::function<Task<std::vector<service::StoredEventPtr>>(std::int64_t upto, std::size_t count)>;

/// The newest events in the window, newest first: `most` of them, or all. It reads on past those that are
/// after it, of which there are many where a writer is ahead of what this process has taken up.
Task<std::vector<service::StoredEventPtr>> newest_in(SyncWindow window, std::int64_t upto, std::size_t most,
                                                     ReadNewest read);

}  // namespace lares::events
