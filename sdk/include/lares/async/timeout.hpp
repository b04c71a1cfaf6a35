// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task_group.hpp>
#include <lares/async/when_all.hpp>

#include <chrono>
#include <optional>
#include <utility>

namespace lares {

/// Awaits a task for a limited time. At the end of it the task is cancelled and, once it has ended,
/// TimeoutError thrown; a result that the task gave nevertheless is thrown away.
///
/// A task that ignores cancellation (blocking work that has begun) makes this wait for its end.
template <class T>
[[nodiscard]] Task<T> with_timeout(std::chrono::nanoseconds duration, Task<T> task) {
  std::optional<detail::NonVoid<T>> result;
  co_await detail::run_as_flow(detail::current_loop(), detail::store_result<T>(std::move(task), result),
                               detail::deadline_after(duration));
  if constexpr (!std::is_void_v<T>) {
    co_return std::move(*result);
  }
}

}  // namespace lares
