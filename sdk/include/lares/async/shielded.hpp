// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/when_all.hpp>
#include <lares/base/export.hpp>

#include <optional>
#include <type_traits>
#include <utility>

namespace lares {

namespace detail {
/// As run_as_flow, but cancellation of the caller does not reach the task.
LARES_EXPORT Task<void> run_shielded(Task<void> task);
}  // namespace detail

/// Awaits a task that is to come to its own end: cancellation of the caller is kept from it, and takes effect
/// once it has ended. For short tasks that have a limit of their own.
///
/// **Errors** those of the task, unless the caller was cancelled.
template <class T>
[[nodiscard]] Task<T> shielded(Task<T> task) {
  std::optional<detail::NonVoid<T>> result;
  co_await detail::run_shielded(detail::store_result<T>(std::move(task), result));
  if constexpr (!std::is_void_v<T>) {
    co_return std::move(*result);
  }
}

}  // namespace lares
