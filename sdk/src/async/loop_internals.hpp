// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "timer_queue.hpp"

#include <lares/async/runtime.hpp>
#include <lares/async/waiter.hpp>
#include <lares/base/metrics.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace lares {

/// What other threads, and the loop itself, hand to a loop. Taken in the order of posting.
///
/// **Threads** push() any; take() the loop's.
class LoopInbox {
 public:
  /// Adds a chain whose last link is `last`, newest first. True when the inbox was empty, so that the loop
  /// has to be told.
  [[nodiscard]] bool push(LoopWork* newest, LoopWork* oldest) noexcept;
  /// Everything, oldest first.
  [[nodiscard]] LoopWork* take() noexcept;
  [[nodiscard]] static LoopWork* next(LoopWork* work) noexcept { return work->next_; }
  static void run(LoopWork* work) noexcept { work->run(); }
  static void abandon(LoopWork* work) noexcept { work->abandon(); }

 private:
  std::atomic<LoopWork*> newest_{nullptr};
};

/// The coroutines that are suspended on a loop in a Waiter, so that they can be destroyed with it.
class SuspendedList {
 public:
  void link(Waiter& waiter) noexcept;
  void unlink(Waiter& waiter) noexcept;
  /// Destroys one coroutine that is suspended; false when there is none.
  bool destroy_one() noexcept;

 private:
  Waiter* first_ = nullptr;
};

/// The parts of a loop that only this folder and implementations of Runtime know.
struct Loop::Internals {
  explicit Internals(Loop& owner) noexcept : loop{owner} {}

  /// **Threads** any.
  void push(LoopWork* newest, LoopWork* oldest) noexcept;
  /// **Threads** the loop's, like all below.
  void drain() noexcept;
  void arm(Waiter& waiter);
  void disarm(Waiter& waiter) noexcept { timers.remove(waiter); }
  /// Resumes those whose deadline is not after `now`, and says when the next one is due (max: none is).
  SteadyTime fire_timers(SteadyTime now) noexcept;
  /// Counts how long code held the loop, and reports it if that was too long.
  void count_slice(std::int64_t nanoseconds, const LogContext* context) noexcept;
  /// Destroys what waits in the inbox, and with `suspended_too` what is suspended, without running it; false
  /// when there was nothing. After the loop's thread has ended.
  bool destroy_suspended(bool suspended_too) noexcept;

  Loop& loop;
  LoopInbox inbox;
  TimerQueue timers;
  SuspendedList suspended;

  std::int64_t stall_limit_ns = 50'000'000;
  metrics::Histogram* slices = nullptr;
  metrics::Counter* stalls = nullptr;
  std::atomic<std::int64_t> last_seen_ms{0};

 private:
  void flush_slices() noexcept;

  std::uint64_t short_slices_ = 0;
  std::int64_t short_slices_ns_ = 0;
  std::int64_t last_report_ns_ = 0;
};

}  // namespace lares
