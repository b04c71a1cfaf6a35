// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/actor.hpp>
#include <lares/async/cache.hpp>
#include <lares/plugin/server.hpp>

#include <atomic>
#include <cstdint>

namespace lares::receipts {

/// In which rooms receipts have moved since this process started, so that /sync asks the database about those
/// alone.
///
/// **Threads**: any.
class RecentRooms {
 public:
  RecentRooms(TaskGroup& group, Server& server);

  /// Everything beyond `position` will be told to `moved`. Before it is called, every room may have moved.
  void knows_from(std::int64_t position) noexcept { from_.store(position, std::memory_order_release); }
  Task<void> moved(std::int64_t room, std::int64_t position);

  /// False only if there is surely nothing beyond `position`.
  [[nodiscard]] bool may_have_moved(std::int64_t room, std::int64_t position);

 private:
  Actor in_order_;  // rows of two writers may come at once
  Cache<std::int64_t, std::int64_t> last_;
  std::atomic<std::int64_t> from_{INT64_MAX};
};

}  // namespace lares::receipts
