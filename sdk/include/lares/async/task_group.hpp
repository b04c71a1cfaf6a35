// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/log_context.hpp>
#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/base/ref_counted.hpp>
#include <lares/base/time.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lares {

class Loop;
class Runtime;
struct TaskGroupState;

/// Counts what an owner has running in the background. Its stop() cancels and joins; nothing is ever spawned
/// without one.
///
/// **Threads** any. **Lifetime** joined before it goes; one that is destroyed with tasks running cancels them
/// and reports the mistake in the log, and the tasks end by themselves.
class LARES_EXPORT TaskGroup {
 public:
  /// `name` stands in logs when the group does not end.
  TaskGroup(Runtime& runtime, std::string name);
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup();

  [[nodiscard]] Runtime& runtime() const noexcept;
  /// Tasks that have not ended.
  [[nodiscard]] std::size_t size() const noexcept;

  /// Asks every task to end: what it awaits throws operation_aborted. Tasks spawned from now on are cancelled
  /// where they first wait.
  void cancel() noexcept;
  [[nodiscard]] bool cancelled() const noexcept;

  /// Waits until no task is left; false at the deadline.
  [[nodiscard]] Task<bool> join(SteadyTime deadline = SteadyTime::max());
  /// cancel() and join().
  [[nodiscard]] Task<void> stop();

 private:
  friend struct TaskGroupAccess;
  RefPtr<TaskGroupState> state_;
};

/// Under which context background work runs.
class LARES_EXPORT Background {
 public:
  /// A background process of this name, out of a small set (it is a metric's label): a context of its own,
  /// named `NAME-7`, that charges no one else and shows in `synapse_background_process_*`.
  template <std::convertible_to<std::string_view> Name>
  Background(const Name& name) : name_{std::string_view{name}} {}  // NOLINT: meant to convert
  /// The same for one of several servers in the process.
  Background(std::string_view name, std::string_view server_name) : name_{name}, server_name_{server_name} {}
  /// A context that exists: the caller's own or a child of it, so that the request goes on being charged.
  Background(RefPtr<LogContext> context) : context_{std::move(context)} {}  // NOLINT: meant to convert

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::string& server_name() const noexcept { return server_name_; }
  [[nodiscard]] const RefPtr<LogContext>& context() const noexcept { return context_; }

 private:
  std::string name_;
  std::string server_name_;
  RefPtr<LogContext> context_;
};

/// Starts a task that nobody awaits; the one function that does. It begins before spawn() returns when the
/// calling thread runs its loop, and leaves the caller's context as it was. Without `loop`: the calling
/// thread's loop, or on other threads the next.
///
/// **Errors** what the task throws is logged under its context; operation_aborted is not. Never throws
/// itself, but for want of memory.
LARES_EXPORT void spawn(TaskGroup& group, Background background, Task<void> task, Loop* loop = nullptr);

namespace detail {
/// Runs a task as a flow of its own on `loop` under the caller's context, and waits for its end, whatever
/// happens. Cancellation of the caller reaches the task, and so does the deadline, after which TimeoutError
/// is thrown.
LARES_EXPORT Task<void> run_as_flow(Loop& loop, Task<void> task, SteadyTime deadline);
/// Runs tasks side by side on the caller's loop and waits for all; the first error cancels the others and is
/// thrown.
LARES_EXPORT Task<void> run_all(std::vector<Task<void>> tasks);
[[nodiscard]] LARES_EXPORT Loop& current_loop();
/// The loop's time plus a duration, without overflow.
[[nodiscard]] LARES_EXPORT SteadyTime deadline_after(std::chrono::nanoseconds duration);
[[nodiscard]] LARES_EXPORT SteadyTime deadline_after(SteadyTime now,
                                                     std::chrono::nanoseconds duration) noexcept;
}  // namespace detail

}  // namespace lares
