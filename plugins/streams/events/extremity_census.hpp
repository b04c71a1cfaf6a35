// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task_group.hpp>
#include <lares/base/log.hpp>
#include <lares/base/metrics.hpp>
#include <lares/plugin/server.hpp>
#include <lares/storage/database.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

namespace lares::events {

/// Counts once an hour how many ends the graphs of all rooms have, for `synapse_forward_extremities`: a room
/// with many is one that grows slow. The process that does a server's background work does it.
///
/// **Threads**: any.
class ExtremityCensus {
 public:
  ExtremityCensus(Server& server, storage::Database& database);

  void start();
  Task<void> stop() noexcept { co_await tasks_.stop(); }

 private:
  static constexpr std::array<double, 12> kBounds{1, 2, 3, 5, 7, 10, 15, 20, 50, 100, 200, 500};
  /// Rooms by the bound that their number of extremities is within; the last are beyond all bounds.
  using Counts = std::array<std::uint64_t, kBounds.size() + 1>;

  Task<void> run();
  Task<void> count();
  [[nodiscard]] std::vector<metrics::Sample> samples() const;

  Server& server_;
  storage::Database& database_;
  std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> rooms_{};
  metrics::CallbackHandle shown_;
  TaskGroup tasks_;
  log::Logger log_{"lares.events"};
};

}  // namespace lares::events
