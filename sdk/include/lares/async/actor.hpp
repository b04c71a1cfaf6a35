// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/runtime.hpp>
#include <lares/async/task_group.hpp>
#include <lares/async/waiter.hpp>
#include <lares/async/when_all.hpp>
#include <lares/base/error.hpp>
#include <lares/base/export.hpp>

#include <atomic>
#include <cstddef>
#include <exception>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace lares {

/// How much may be under way in an actor, begun or waiting. Beyond it call() throws QueueFull.
struct ActorLimits {
  std::size_t max_calls = std::numeric_limits<std::size_t>::max();
  std::size_t max_bytes = std::numeric_limits<std::size_t>::max();
};

namespace detail {
template <class R>
struct TaskTraits {
  static constexpr bool kIsTask = false;
  using Result = R;
};
template <class R, class E>
struct TaskTraits<boost::asio::awaitable<R, E>> {
  static constexpr bool kIsTask = true;
  using Result = R;
};

/// A plain function that runs on another loop under the caller's context, standing in the caller's frame.
class LARES_EXPORT RemoteCall : public LoopWork {
 public:
  RemoteCall() : context_{&current_context()} {}
  ~RemoteCall() override;
  Task<void> run_on(Loop& loop) {
    co_await done_.wait([this, &loop] { post_to(loop); });
    if (error_) {
      std::rethrow_exception(std::move(error_));
    }
  }

 protected:
  virtual void call() = 0;

 private:
  void run() noexcept final;
  void abandon() noexcept final;

  RefPtr<LogContext> context_;
  std::exception_ptr error_;
  Waiter done_;
};
}  // namespace detail

/// State that one piece of code at a time may touch: an owner derives from it or has one, and keeps its
/// mutable members for functions given to call(). An actor lives on one loop, whose single thread is what
/// makes its calls exclude each other; a call from the same loop is an ordinary function call, one from
/// another loop a hop there and back.
///
/// A function that is a coroutine gives way to other calls wherever it suspends, and to none elsewhere. What
/// is called runs under the caller's context and is charged to it.
///
///     co_await room.call([&room] { return room.count_ += 1; });
///     co_await room.call([](Room* self, Draft draft) -> Task<Positions> { ... }, &room, std::move(draft));
///
/// **Threads** any. **Lifetime** outlives its calls. **Errors** what the function throws; QueueFull beyond
/// the limits.
/// **Cancellation** reaches a coroutine; a plain function that was handed over runs.
class LARES_EXPORT Actor {
 public:
  explicit Actor(Loop& loop, std::string name = "actor", ActorLimits limits = {});
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;
  ~Actor();

  [[nodiscard]] Loop& loop() const noexcept { return *loop_; }
  /// Whether the calling code runs inside.
  [[nodiscard]] bool is_current() const noexcept { return loop_->is_current(); }
  /// Calls that have not ended, and the bytes they were given with.
  [[nodiscard]] std::size_t calls() const noexcept { return calls_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

  template <class Function, class... Args>
  [[nodiscard]] auto call(Function function, Args... args)
      -> Task<typename detail::TaskTraits<std::invoke_result_t<Function, Args...>>::Result> {
    return call_sized(0, std::move(function), std::move(args)...);
  }

  /// The same for a call that holds `bytes` of the actor's limit until it has ended.
  template <class Function, class... Args>
  [[nodiscard]] auto call_sized(std::size_t bytes, Function function, Args... args)
      -> Task<typename detail::TaskTraits<std::invoke_result_t<Function, Args...>>::Result> {
    using Returned = std::invoke_result_t<Function, Args...>;
    using Result = typename detail::TaskTraits<Returned>::Result;
    const Admission admission{*this, bytes};
    if (loop_->is_current()) {
      if constexpr (detail::TaskTraits<Returned>::kIsTask) {
        co_return co_await std::move(function)(std::move(args)...);
      } else {
        co_return std::move(function)(std::move(args)...);
      }
    } else if constexpr (detail::TaskTraits<Returned>::kIsTask) {
      std::optional<detail::NonVoid<Result>> result;
      // Only the call of the function makes its frame, and that belongs on the actor's loop.
      co_await detail::run_as_flow(*loop_, run_there<Result>(result, function, args...), SteadyTime::max());
      if constexpr (!std::is_void_v<Result>) {
        co_return std::move(*result);
      }
    } else {
      auto bound = [&]() -> Result { return std::move(function)(std::move(args)...); };
      PlainCall<Result, decltype(bound)> remote{bound};
      co_await remote.run_on(*loop_);
      if constexpr (!std::is_void_v<Result>) {
        co_return std::move(*remote.result);
      }
    }
  }

 private:
  class LARES_EXPORT Admission {
   public:
    Admission(Actor& actor, std::size_t bytes);
    Admission(const Admission&) = delete;
    Admission& operator=(const Admission&) = delete;
    ~Admission();

   private:
    Actor& actor_;
    std::size_t bytes_;
  };

  template <class Result, class Bound>
  struct PlainCall final : detail::RemoteCall {
    explicit PlainCall(Bound& function) : bound{function} {}
    void call() override {
      if constexpr (std::is_void_v<Result>) {
        bound();
      } else {
        result.emplace(bound());
      }
    }
    Bound& bound;
    std::optional<detail::NonVoid<Result>> result;
  };

  template <class Result, class Function, class... Args>
  static Task<void> run_there(std::optional<detail::NonVoid<Result>>& out, Function& function,
                              Args&... args) {
    if constexpr (std::is_void_v<Result>) {
      co_await std::move(function)(std::move(args)...);
    } else {
      out.emplace(co_await std::move(function)(std::move(args)...));
    }
  }

  Loop* loop_;
  std::string name_;
  ActorLimits limits_;
  std::atomic<std::size_t> calls_{0};
  std::atomic<std::size_t> bytes_{0};
};

}  // namespace lares
