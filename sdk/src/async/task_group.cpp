// SPDX-License-Identifier: Apache-2.0
#include <lares/async/task_group.hpp>

#include "background.hpp"

#include <lares/async/runtime.hpp>
#include <lares/async/waiter.hpp>
#include <lares/base/log.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <optional>
#include <utility>
#include <vector>

namespace lares {

namespace {

struct Spawned;

void log_failure(const std::string& group, const std::exception_ptr& error) noexcept {
  const log::Logger logger{"lares.async"};
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& failure) {
    if (failure.code() != boost::asio::error::operation_aborted) {
      logger.error("A task of {} failed: {}", group, failure.what());
    }
  } catch (const std::exception& failure) {
    logger.error("A task of {} failed: {}", group, failure.what());
  } catch (...) {
    logger.error("A task of {} failed with something that is no std::exception", group);
  }
}

}  // namespace

struct TaskGroupState : RefCounted<TaskGroupState> {
  TaskGroupState(Runtime& of, std::string called) : runtime{of}, name{std::move(called)} {}

  Runtime& runtime;
  const std::string name;
  std::atomic<bool> cancelled{false};
  // Under the mutex of `joining`.
  WaitList joining;
  std::size_t count = 0;
  Spawned* first = nullptr;
};

namespace {

/// A task that was spawned, from then until its end.
struct Spawned : RefCounted<Spawned> {
  Spawned(RefPtr<TaskGroupState> of, Loop& on) : group{std::move(of)}, loop{on} {
    const std::lock_guard lock{group->joining.mutex()};
    ++group->count;
    next = group->first;
    if (next != nullptr) {
      next->previous = this;
    }
    group->first = this;
  }

  void ended() noexcept {
    WakeBatch batch;
    const std::lock_guard lock{group->joining.mutex()};
    (previous != nullptr ? previous->next : group->first) = next;
    if (next != nullptr) {
      next->previous = previous;
    }
    if (--group->count == 0) {
      group->joining.take_all(batch);
    }
  }

  void cancel() {
    if (loop.is_current()) {
      signal.emit(boost::asio::cancellation_type::terminal);
    } else {
      loop.post([self = RefPtr{this}] { self->signal.emit(boost::asio::cancellation_type::terminal); });
    }
  }

  RefPtr<TaskGroupState> group;
  Loop& loop;
  boost::asio::cancellation_signal signal;
  std::optional<detail::BackgroundRun> background;
  Spawned* next = nullptr;
  Spawned* previous = nullptr;
};

/// Asio calls it at the task's end, or only destroys it when the loop goes before.
class AtEnd {
 public:
  explicit AtEnd(RefPtr<Spawned> task) noexcept : task_{std::move(task)} {}
  AtEnd(AtEnd&&) noexcept = default;
  AtEnd& operator=(AtEnd&&) noexcept = delete;
  ~AtEnd() {
    if (task_) {
      task_->background.reset();
      task_->ended();
    }
  }

  void operator()(const std::exception_ptr& error) noexcept {
    if (error) {
      log_failure(task_->group->name, error);
    }
  }

 private:
  RefPtr<Spawned> task_;
};

}  // namespace

TaskGroup::TaskGroup(Runtime& runtime, std::string name)
    : state_{make_ref<TaskGroupState>(runtime, std::move(name))} {}

TaskGroup::~TaskGroup() {
  const std::size_t left = size();
  if (left != 0) {
    log::Logger{"lares.async"}.error(
        "The task group {} goes with {} tasks running; its owner did not wait for them", state_->name, left);
    cancel();
  }
}

Runtime& TaskGroup::runtime() const noexcept {
  return state_->runtime;
}

std::size_t TaskGroup::size() const noexcept {
  const std::lock_guard lock{state_->joining.mutex()};
  return state_->count;
}

bool TaskGroup::cancelled() const noexcept {
  return state_->cancelled.load(std::memory_order_acquire);
}

void TaskGroup::cancel() noexcept {
  std::vector<RefPtr<Spawned>> running;
  {
    const std::lock_guard lock{state_->joining.mutex()};
    state_->cancelled.store(true, std::memory_order_release);
    for (Spawned* at = state_->first; at != nullptr; at = at->next) {
      running.emplace_back(at);
    }
  }
  for (const RefPtr<Spawned>& task : running) {
    task->cancel();
  }
}

Task<bool> TaskGroup::join(SteadyTime deadline) {
  const RefPtr<TaskGroupState> state = state_;
  Waiter waiter;
  {
    const std::lock_guard lock{state->joining.mutex()};
    if (state->count == 0) {
      co_return true;
    }
    state->joining.add(waiter);
  }
  const Wake wake = co_await WaitList::wait(waiter, deadline);
  if (wake == Wake::kCancelled) {
    throw_cancelled();
  }
  co_return wake == Wake::kNotified;
}

Task<void> TaskGroup::stop() {
  cancel();
  co_await join();
}

struct TaskGroupAccess {
  static const RefPtr<TaskGroupState>& state(TaskGroup& group) noexcept { return group.state_; }
};

void spawn(TaskGroup& group, Background background, Task<void> task, Loop* loop) {
  const RefPtr<TaskGroupState>& state = TaskGroupAccess::state(group);
  Loop& on = loop != nullptr ? *loop : state->runtime.this_or_next_loop();
  RefPtr<Spawned> spawned = make_ref<Spawned>(state, on);
  AtEnd at_end{spawned};
  RefPtr<LogContext> context = background.context();
  if (!background.name().empty()) {
    spawned->background.emplace(
        state->runtime.background_processes().start(background.name(), background.server_name()));
    context = spawned->background->context();
  }
  boost::asio::co_spawn(on.executor(std::move(context)), std::move(task),
                        boost::asio::bind_cancellation_slot(spawned->signal.slot(), std::move(at_end)));
  if (state->cancelled.load(std::memory_order_acquire)) {
    spawned->cancel();
  }
}

}  // namespace lares
