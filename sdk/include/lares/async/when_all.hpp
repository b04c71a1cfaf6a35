// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task_group.hpp>

#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace lares {

namespace detail {
template <class T>
using NonVoid = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class T>
Task<void> store_result(Task<T> task, std::optional<NonVoid<T>>& out) {
  if constexpr (std::is_void_v<T>) {
    co_await std::move(task);
    out.emplace();
  } else {
    out.emplace(co_await std::move(task));
  }
}
}  // namespace detail

/// Runs tasks side by side on the caller's loop, each under the caller's context, and gives their results in
/// the order of the arguments (std::monostate for a Task<void>).
///
/// **Errors** the first one, after the others were cancelled and have ended. **Cancellation** reaches all.
template <class... T>
  requires(sizeof...(T) > 0)
[[nodiscard]] Task<std::tuple<detail::NonVoid<T>...>> when_all(Task<T>... tasks) {
  std::tuple<std::optional<detail::NonVoid<T>>...> results;
  std::vector<Task<void>> wrapped;
  wrapped.reserve(sizeof...(T));
  std::apply([&](auto&... out) { (wrapped.push_back(detail::store_result<T>(std::move(tasks), out)), ...); },
             results);
  co_await detail::run_all(std::move(wrapped));
  co_return std::apply([](auto&... out) { return std::tuple<detail::NonVoid<T>...>{std::move(*out)...}; },
                       results);
}

template <class T>
  requires(!std::is_void_v<T>)
[[nodiscard]] Task<std::vector<T>> when_all(std::vector<Task<T>> tasks) {
  std::vector<std::optional<T>> results(tasks.size());
  std::vector<Task<void>> wrapped;
  wrapped.reserve(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    wrapped.push_back(detail::store_result<T>(std::move(tasks[i]), results[i]));
  }
  co_await detail::run_all(std::move(wrapped));
  std::vector<T> out;
  out.reserve(results.size());
  for (std::optional<T>& result : results) {
    out.push_back(std::move(*result));
  }
  co_return out;
}

[[nodiscard]] inline Task<void> when_all(std::vector<Task<void>> tasks) {
  return detail::run_all(std::move(tasks));
}

}  // namespace lares
