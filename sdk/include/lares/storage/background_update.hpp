// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/storage/database.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lares::storage {

struct Schema;

/// What one step of a background update did.
struct BackgroundStep {
  std::string progress;  ///< where the next step goes on; the update's own format
  std::int64_t items =
      0;  ///< how many it went through, of which the throttle and the status make their figures
  bool done = false;
};

/// A long change to data, in steps: resumable after any crash, since each step commits together with its
/// progress; throttled; visible to an administrator. Both releases that share the database during it must
/// cope with either state.
struct BackgroundUpdate {
  std::string_view name;  ///< unique among all plugins
  /// Does about `batch` items, going on from `progress`, which is empty at first. Runs as the function of a
  /// write.
  std::function<BackgroundStep(WriteTransaction& tx, const std::string& progress, std::int64_t batch)> step;
};

/// How an update that is not yet done stands, for the admin API and the metrics.
struct BackgroundUpdateStatus {
  std::string name;
  std::string plugin;
  std::int64_t total_items = 0;
  std::int64_t total_duration_ms = 0;
  [[nodiscard]] double items_per_ms() const noexcept {
    return total_duration_ms == 0 ? 0.0
                                  : static_cast<double>(total_items) / static_cast<double>(total_duration_ms);
  }
};

/// How a process stands with the background updates; the numbers are those of
/// `synapse_background_update_status`.
enum class BackgroundUpdatesStanding : std::int8_t {
  kFailed = -1,  ///< the last step failed and is tried again
  kDisabled = 0,
  kNotStarted =
      1,  ///< this process has not looked yet; where another does the background work, it never will
  kRunning = 2,
  kComplete = 3,
};

struct BackgroundUpdateOptions {
  std::int64_t minimum_batch = 1;
  std::int64_t default_batch = 100;              ///< for the first step, before there is a figure
  std::chrono::milliseconds step_duration{100};  ///< what a step should take
  std::chrono::milliseconds pause{1000};         ///< between two steps
  std::chrono::milliseconds lease{
      std::chrono::minutes{5}};  ///< after which another process may take over a silent one's
};

/// Runs the background updates that migrations have started, one step at a time, in the order they were
/// started. Of the processes that share the database one runs them, by a lease.
///
/// **Threads**: one loop.
/// **Lifetime**: longer than `run`.
class LARES_EXPORT BackgroundUpdates {
 public:
  BackgroundUpdates(Database& database, Runtime& runtime, std::vector<Schema> schemas,
                    BackgroundUpdateOptions options);
  ~BackgroundUpdates();
  BackgroundUpdates(const BackgroundUpdates&) = delete;
  BackgroundUpdates& operator=(const BackgroundUpdates&) = delete;

  /// Steps, pauses and, when there is nothing to do, looks again after a while, until it is cancelled.
  /// **Cancellation**: between two steps.
  Task<void> run();
  /// One step of the first unfinished update; false when there is none, or another process has the lease.
  Task<bool> step();
  /// Starts an update by hand, from the beginning. **Errors**: StatementError for a name that no schema
  /// declares.
  Task<void> start(std::string name);

  void set_enabled(bool enabled) noexcept;
  [[nodiscard]] bool enabled() const noexcept;
  /// How many were not done, and how many items those that this process has run went through, as of the last
  /// step. For metrics.
  [[nodiscard]] std::size_t pending() const noexcept;
  [[nodiscard]] std::uint64_t items() const noexcept;
  [[nodiscard]] BackgroundUpdatesStanding standing() const noexcept;
  /// Those that are not done, in order.
  Task<std::vector<BackgroundUpdateStatus>> status();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lares::storage
