// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/context_executor.hpp>
#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/base/ref_counted.hpp>
#include <lares/base/time.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <utility>

namespace lares {

class WaitList;
class WakeBatch;

/// Something that a loop does for another thread: a link of the loop's inbox. Posting one costs a
/// compare-and-swap, and a wake-up of the loop only when its inbox was empty. No allocation.
class LARES_EXPORT LoopWork {
 public:
  LoopWork(const LoopWork&) = delete;
  LoopWork& operator=(const LoopWork&) = delete;

 protected:
  LoopWork() = default;
  virtual ~LoopWork();
  /// Called once for each posting, on the loop, under the sentinel. May destroy the object.
  virtual void run() noexcept = 0;
  /// Called instead when the loop ends first.
  virtual void abandon() noexcept = 0;

  /// Puts this into a loop's inbox; not again before it has run. **Threads** any.
  void post_to(Loop& loop) noexcept;

 private:
  friend class Loop;
  friend class WakeBatch;
  friend class LoopInbox;
  LoopWork* next_ = nullptr;
};

/// Why a wait ended.
enum class Wake : std::uint8_t { kNotified, kTimeout, kCancelled };

/// Suspends one coroutine until someone notifies it, from whatever thread. What the other primitives are made
/// of.
///
/// The coroutine resumes on its own loop and under its own context; the notifier's stack goes on unchanged.
/// It stands in the coroutine's frame, and allocates nothing.
///
/// There are two ways to wait. Handed to someone who will surely notify: wait(start), where `start` hands it
/// over once nothing can come between; it cannot be cancelled. In a WaitList, from where cancellation and
/// time take it out again.
///
/// **Threads** notify() from any, once; the notifier must not touch the object afterwards.
class LARES_EXPORT Waiter : private LoopWork {
 public:
  Waiter() = default;
  ~Waiter() override;

  /// Suspends, calls `start` (which gives this object's address to whoever will notify), and returns after
  /// the notification.
  ///
  /// **Errors** what `start` throws; then nobody may notify. **Cancellation** before the call it throws
  /// operation_aborted and `start` is never called; afterwards it is kept until the notification has come.
  template <class Start>
  [[nodiscard]] Task<void> wait(Start start) {
    co_await suspend(&call<Start>, &start);
    check_start();
  }

  void notify() noexcept;
  /// The same, handed to the loop when the batch is flushed.
  void notify(WakeBatch& batch) noexcept;

 private:
  template <class>
  friend class Completion;
  friend class WaitList;
  friend class Loop;
  friend class TimerQueue;
  friend class SuspendedList;
  enum class State : std::uint8_t { kIdle, kWaiting, kNotified };

  void run() noexcept override;
  void abandon() noexcept override;
  template <class Start>
  static void call(void* start) {
    (*static_cast<Start*>(start))();
  }
  /// Suspends until resumed, once `start` was called. Not a coroutine itself: a frame less for every wait.
  [[nodiscard]] Task<void> suspend(void (*start)(void*), void* argument);
  /// Throws what `start` threw.
  void check_start() {
    if (start_error_) {
      std::rethrow_exception(std::move(start_error_));
    }
  }
  void resume(Wake outcome) noexcept;
  void on_timer() noexcept;
  void on_cancel() noexcept;

  std::atomic<State> state_{State::kIdle};
  Wake outcome_ = Wake::kNotified;
  // Under the list's mutex.
  bool linked_ = false;
  WaitList* list_ = nullptr;
  Waiter* list_next_ = nullptr;
  Waiter* list_previous_ = nullptr;
  // Of the loop on which the coroutine is suspended, and touched there alone.
  Waiter* suspended_next_ = nullptr;
  Waiter* suspended_previous_ = nullptr;
  std::size_t timer_index_ = kNoTimer;
  SteadyTime deadline_ = SteadyTime::max();
  RefPtr<Flow> flow_;
  std::exception_ptr start_error_;
  static constexpr std::size_t kNoTimer = static_cast<std::size_t>(-1);
  /// Asio's handler that resumes the coroutine, there while it is suspended.
  alignas(std::max_align_t) std::array<std::byte, 32> handler_;
};

/// Collects notifications so that each loop is woken once, however many coroutines on it go on: a group
/// commit completes many writes at a time.
///
/// **Threads** one. Flushes when destroyed.
class LARES_EXPORT WakeBatch {
 public:
  WakeBatch() = default;
  WakeBatch(const WakeBatch&) = delete;
  WakeBatch& operator=(const WakeBatch&) = delete;
  ~WakeBatch() { flush(); }
  void flush() noexcept;

 private:
  friend class Waiter;
  void add(Loop& loop, LoopWork& work) noexcept;

  static constexpr std::size_t kLoops = 8;
  struct Chain {
    Loop* loop = nullptr;
    LoopWork* newest = nullptr;
    LoopWork* oldest = nullptr;
  };
  std::array<Chain, kLoops> chains_{};
};

/// Coroutines that wait for the same thing, in the order in which they came. The building block of events,
/// futures and task groups: the owner keeps the condition under the same mutex.
///
///     {
///       const std::lock_guard lock{list.mutex()};
///       if (ready_) { co_return; }
///       list.add(waiter);
///     }
///     Wake wake = co_await list.wait(waiter, deadline);
///
/// **Threads** any. **Lifetime** outlives its waiters.
class LARES_EXPORT WaitList {
 public:
  WaitList() = default;
  WaitList(const WaitList&) = delete;
  WaitList& operator=(const WaitList&) = delete;
  ~WaitList();

  [[nodiscard]] std::mutex& mutex() noexcept { return mutex_; }
  /// Under the mutex.
  void add(Waiter& waiter) noexcept;
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  /// Under the mutex: takes the waiters out and marks them as notified; the batch resumes them, after the
  /// mutex was released.
  void take_one(WakeBatch& batch) noexcept;
  void take_all(WakeBatch& batch) noexcept;

  /// Suspends until `waiter`, which was added, is taken, cancelled, or the deadline has passed.
  ///
  /// **Cancellation** gives Wake::kCancelled; the caller's next co_await throws operation_aborted as usual.
  [[nodiscard]] static Task<Wake> wait(Waiter& waiter, SteadyTime deadline = SteadyTime::max());

 private:
  friend class Waiter;
  [[nodiscard]] bool remove(Waiter& waiter) noexcept;
  void unlink(Waiter& waiter) noexcept;

  std::mutex mutex_;
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

/// Throws what a cancelled operation throws: boost::system::system_error with operation_aborted.
[[noreturn]] LARES_EXPORT void throw_cancelled();

}  // namespace lares
