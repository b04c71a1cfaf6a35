// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/waiter.hpp>

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace lares {

/// The result of one piece of work that another thread does for one coroutine. Stands in the coroutine's
/// frame, so it costs no allocation; the thread that completes it goes on, the coroutine resumes on its own
/// loop under its own context.
///
///     Completion<Positions> done;
///     Positions positions = co_await done.after([&] { queue.push(Write{std::move(sql), &done}); });
///
/// and on the other thread `done->set(positions)`, or, for many at once, `done->set(positions, batch)` with
/// one WakeBatch.
///
/// **Threads** set() and fail() from any, exactly one of them once; afterwards the completer must not touch
/// it.
/// **Cancellation** see Waiter::wait: work that was begun is awaited.
template <class T = void>
class Completion {
 public:
  /// Calls `start`, which hands the work over, and gives the result once it is there.
  template <class Start>
  [[nodiscard]] Task<T> after(Start start) {
    co_await waiter_.suspend(&Waiter::call<Start>, &start);
    waiter_.check_start();
    if (error_) {
      std::rethrow_exception(std::move(error_));
    }
    if constexpr (!std::is_void_v<T>) {
      co_return std::move(*value_);
    }
  }

  template <class... Value>
  void set(Value&&... value) {
    store(std::forward<Value>(value)...);
    waiter_.notify();
  }
  /// The last argument is the batch that wakes the loops.
  template <class Value>
    requires(!std::is_void_v<T>)
  void set(Value&& value, WakeBatch& batch) {
    store(std::forward<Value>(value));
    waiter_.notify(batch);
  }
  void set(WakeBatch& batch)
    requires(std::is_void_v<T>)
  {
    waiter_.notify(batch);
  }
  void fail(std::exception_ptr error) noexcept {
    error_ = std::move(error);
    waiter_.notify();
  }
  void fail(std::exception_ptr error, WakeBatch& batch) noexcept {
    error_ = std::move(error);
    waiter_.notify(batch);
  }

 private:
  using Stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  template <class... Value>
  void store(Value&&... value) {
    if constexpr (std::is_void_v<T>) {
      static_assert(sizeof...(Value) == 0);
    } else {
      value_.emplace(std::forward<Value>(value)...);
    }
  }

  Waiter waiter_;
  std::optional<Stored> value_;
  std::exception_ptr error_;
};

}  // namespace lares
