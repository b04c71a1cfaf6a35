// SPDX-License-Identifier: Apache-2.0
// Tasks that run as flows of their own while their parent waits for them: what with_timeout, when_all and
// calls into actors on other loops have in common.
#include <lares/async/runtime.hpp>
#include <lares/async/shielded.hpp>
#include <lares/async/task_group.hpp>
#include <lares/async/waiter.hpp>
#include <lares/base/error.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include <deque>
#include <exception>
#include <stdexcept>
#include <utility>

namespace lares::detail {

namespace {

namespace this_coro = boost::asio::this_coro;

/// The children of one wait. Kept by the parent and by each child's completion.
struct Children : RefCounted<Children> {
  WaitList waiting;
  // Under the list's mutex.
  std::size_t running = 0;
  std::exception_ptr error;

  struct Child {
    explicit Child(Loop& on) noexcept : loop{on} {}
    Loop& loop;
    boost::asio::cancellation_signal signal;
  };
  /// A deque, since signals do not move.
  std::deque<Child> all;

  void cancel() {
    for (Child& child : all) {
      child.loop.post([self = RefPtr{this}, &child] {
        // Once all have ended, so may have the parent, and with it the context in which a child is told.
        if (self->any_running()) {
          child.signal.emit(boost::asio::cancellation_type::terminal);
        }
      });
    }
  }

  [[nodiscard]] bool any_running() {
    const std::lock_guard lock{waiting.mutex()};
    return running != 0;
  }
};

/// Asio calls it at a child's end, or only destroys it when the loop goes before.
class AtEnd {
 public:
  explicit AtEnd(RefPtr<Children> children) noexcept : children_{std::move(children)} {}
  AtEnd(AtEnd&&) noexcept = default;
  AtEnd& operator=(AtEnd&&) noexcept = delete;
  ~AtEnd() {
    if (children_) {
      end(std::make_exception_ptr(BrokenPromise{}));
    }
  }
  void operator()(std::exception_ptr error) noexcept { end(std::move(error)); }

 private:
  void end(std::exception_ptr error) noexcept {
    const RefPtr<Children> children = std::move(children_);
    bool first_error = false;
    WakeBatch batch;
    {
      const std::lock_guard lock{children->waiting.mutex()};
      if (error && !children->error) {
        children->error = std::move(error);
        first_error = true;
      }
      if (--children->running == 0) {
        children->waiting.take_all(batch);
        return;
      }
    }
    if (first_error) {
      children->cancel();
    }
  }

  RefPtr<Children> children_;
};

void launch(const RefPtr<Children>& children, Loop& loop, Task<void> task) {
  RefPtr<LogContext> context{&current_context()};
  Children::Child& child = children->all.emplace_back(loop);
  {
    const std::lock_guard lock{children->waiting.mutex()};
    ++children->running;
  }
  boost::asio::co_spawn(loop.executor(std::move(context)), std::move(task),
                        boost::asio::bind_cancellation_slot(child.signal.slot(), AtEnd{children}));
}

enum class Cancellation { kPassedOn, kDelayed };

/// Waits until no child runs, and throws what the first one threw. The children use the parent's frame, so
/// this never ends before them.
Task<void> wait_for(RefPtr<Children> children, SteadyTime deadline, Cancellation cancellation) {
  bool timed_out = false;
  bool cancelled = false;
  for (;;) {
    Waiter waiter;
    {
      const std::lock_guard lock{children->waiting.mutex()};
      if (children->running == 0) {
        break;
      }
      children->waiting.add(waiter);
    }
    const Wake wake = co_await WaitList::wait(waiter, deadline);
    if (wake == Wake::kNotified) {
      break;
    }
    (wake == Wake::kTimeout ? timed_out : cancelled) = true;
    deadline = SteadyTime::max();
    if (cancellation == Cancellation::kPassedOn) {
      children->cancel();
    }
  }
  if (cancelled) {
    throw_cancelled();
  }
  if (timed_out) {
    throw TimeoutError{"The time allowed for this has passed"};
  }
  if (children->error) {
    std::rethrow_exception(children->error);
  }
}

Task<void> run_alone(Loop& loop, Task<void> task, SteadyTime deadline, Cancellation cancellation) {
  // A cancellation that has come already would otherwise end the wait before the child.
  const bool throws = co_await this_coro::throw_if_cancelled();
  co_await this_coro::throw_if_cancelled(false);
  const RefPtr<Children> children = make_ref<Children>();
  std::exception_ptr error;
  try {
    launch(children, loop, std::move(task));
    co_await wait_for(children, deadline, cancellation);
  } catch (...) {
    error = std::current_exception();
  }
  co_await this_coro::throw_if_cancelled(throws);
  if (error) {
    std::rethrow_exception(error);
  }
}

}  // namespace

Loop& current_loop() {
  Loop* const loop = Loop::current();
  if (loop == nullptr) {
    throw std::logic_error{"A coroutine that waits has to run on a loop of the Runtime"};
  }
  return *loop;
}

SteadyTime deadline_after(std::chrono::nanoseconds duration) {
  return deadline_after(current_loop().now(), duration);
}

Task<void> run_as_flow(Loop& loop, Task<void> task, SteadyTime deadline) {
  return run_alone(loop, std::move(task), deadline, Cancellation::kPassedOn);
}

Task<void> run_shielded(Task<void> task) {
  return run_alone(current_loop(), std::move(task), SteadyTime::max(), Cancellation::kDelayed);
}

Task<void> run_all(std::vector<Task<void>> tasks) {
  const bool throws = co_await this_coro::throw_if_cancelled();
  co_await this_coro::throw_if_cancelled(false);
  const RefPtr<Children> children = make_ref<Children>();
  std::exception_ptr error;
  try {
    for (Task<void>& task : tasks) {
      launch(children, current_loop(), std::move(task));
    }
    co_await wait_for(children, SteadyTime::max(), Cancellation::kPassedOn);
  } catch (...) {
    error = std::current_exception();
  }
  co_await this_coro::throw_if_cancelled(throws);
  if (error) {
    std::rethrow_exception(error);
  }
}

}  // namespace lares::detail
