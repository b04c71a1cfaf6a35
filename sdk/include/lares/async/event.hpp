// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/waiter.hpp>
#include <lares/base/export.hpp>
#include <lares/base/time.hpp>

#include <atomic>
#include <cstdint>

namespace lares {

/// A condition that is false or true, and that coroutines wait for.
///
/// **Threads** any. **Lifetime** outlives those who wait.
class LARES_EXPORT Event {
 public:
  void set() noexcept;
  void set(WakeBatch& batch) noexcept;
  void reset() noexcept { set_.store(false, std::memory_order_release); }
  [[nodiscard]] bool is_set() const noexcept { return set_.load(std::memory_order_acquire); }

  /// Waits until set; kTimeout at the deadline. **Cancellation** throws operation_aborted.
  [[nodiscard]] Task<Wake> wait(SteadyTime deadline = SteadyTime::max());

 private:
  std::atomic<bool> set_{false};
  WaitList waiters_;
};

/// Tells waiters that something has changed, without one being missed between looking and waiting: take
/// version(), look, and wait for a later one. What a long poll waits on.
///
///     for (;;) {
///       const std::uint64_t seen = user.notification.version();
///       if (auto found = look()) { co_return found; }
///       if (co_await user.notification.wait_beyond(seen, deadline) == Wake::kTimeout) { co_return nothing; }
///     }
///
/// **Threads** any. **Lifetime** outlives those who wait.
class LARES_EXPORT Notification {
 public:
  [[nodiscard]] std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }

  /// Makes a new version and wakes everyone who waits.
  void notify() noexcept;
  /// For waking the waiters of many notifications at once.
  void notify(WakeBatch& batch) noexcept;

  /// Waits until version() is above `seen`; kTimeout at the deadline. **Cancellation** throws
  /// operation_aborted.
  [[nodiscard]] Task<Wake> wait_beyond(std::uint64_t seen, SteadyTime deadline);

  /// Whether anyone waits at this moment; a hint.
  [[nodiscard]] bool has_waiters() noexcept;

 private:
  std::atomic<std::uint64_t> version_{0};
  WaitList waiters_;
};

}  // namespace lares
