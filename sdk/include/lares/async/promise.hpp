// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/waiter.hpp>
#include <lares/base/error.hpp>
#include <lares/base/ref_counted.hpp>

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace lares {

namespace detail {
template <class T>
struct PromiseState : RefCounted<PromiseState<T>> {
  using Stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
  WaitList waiters;
  std::atomic<bool> ready{false};
  std::optional<Stored> value;
  std::exception_ptr error;
};
}  // namespace detail

template <class T>
class Promise;

/// The side of a Promise that is waited on; any number of coroutines may, each resumes under its own context.
///
/// **Threads** any; copies are independent handles.
template <class T = void>
class Future {
 public:
  Future() = default;

  /// False for one made by the default constructor.
  [[nodiscard]] bool valid() const noexcept { return static_cast<bool>(state_); }
  [[nodiscard]] bool ready() const noexcept { return state_->ready.load(std::memory_order_acquire); }

  /// Waits for the value and gives a copy of it.
  ///
  /// **Errors** what the promise failed with; BrokenPromise when it went away; TimeoutError at the deadline.
  /// **Cancellation** ends this wait and no other.
  [[nodiscard]] Task<T> get(SteadyTime deadline = SteadyTime::max()) const {
    return wait_in(state_, deadline);
  }

 private:
  friend class Promise<T>;
  using State = detail::PromiseState<T>;
  explicit Future(RefPtr<State> state) noexcept : state_{std::move(state)} {}

  static Task<T> wait_in(RefPtr<State> state, SteadyTime deadline) {
    if (!state->ready.load(std::memory_order_acquire)) {
      Waiter waiter;
      bool waiting = false;
      {
        const std::lock_guard lock{state->waiters.mutex()};
        if (!state->ready.load(std::memory_order_relaxed)) {
          state->waiters.add(waiter);
          waiting = true;
        }
      }
      if (waiting) {
        const Wake wake = co_await WaitList::wait(waiter, deadline);
        if (wake == Wake::kTimeout) {
          throw TimeoutError{"The result was not there in time"};
        }
        if (wake == Wake::kCancelled) {
          throw_cancelled();
        }
      }
    }
    if (state->error) {
      std::rethrow_exception(state->error);
    }
    if constexpr (!std::is_void_v<T>) {
      co_return *state->value;
    }
  }

  RefPtr<State> state_;
};

/// A value that will be there later, for any number of coroutines that wait for it.
///
/// Completing it never runs a waiter on the completer's stack: each is handed to its own loop and resumes
/// under its own context. Dropping it uncompleted fails the waiters with BrokenPromise.
///
/// **Threads** any; one set() or fail(), further ones are ignored and give false.
template <class T = void>
class Promise {
 public:
  Promise() : state_{make_ref<State>()} {}
  Promise(Promise&&) noexcept = default;
  Promise& operator=(Promise&& other) noexcept {
    abandon();
    state_ = std::move(other.state_);
    return *this;
  }
  Promise(const Promise&) = delete;
  Promise& operator=(const Promise&) = delete;
  ~Promise() { abandon(); }

  [[nodiscard]] Future<T> future() const { return Future<T>{state_}; }

  template <class... Value>
    requires(std::is_void_v<T> ? sizeof...(Value) == 0 : sizeof...(Value) == 1)
  bool set(Value&&... value) {
    WakeBatch batch;
    return complete(batch, [&] { state_->value.emplace(std::forward<Value>(value)...); });
  }
  /// For completing many: the waiters go on when the batch is flushed.
  template <class Value>
    requires(!std::is_void_v<T>)
  bool set(Value&& value, WakeBatch& batch) {
    return complete(batch, [&] { state_->value.emplace(std::forward<Value>(value)); });
  }
  bool fail(std::exception_ptr error) {
    WakeBatch batch;
    return complete(batch, [&] { state_->error = std::move(error); });
  }
  bool fail(std::exception_ptr error, WakeBatch& batch) {
    return complete(batch, [&] { state_->error = std::move(error); });
  }

 private:
  using State = detail::PromiseState<T>;

  template <class Store>
  bool complete(WakeBatch& batch, Store store) {
    const std::lock_guard lock{state_->waiters.mutex()};
    if (state_->ready.load(std::memory_order_relaxed)) {
      return false;
    }
    store();
    state_->ready.store(true, std::memory_order_release);
    state_->waiters.take_all(batch);
    return true;
  }
  void abandon() noexcept {
    if (state_ && !state_->ready.load(std::memory_order_acquire)) {
      fail(std::make_exception_ptr(BrokenPromise{}));
    }
  }

  RefPtr<State> state_;
};

}  // namespace lares
