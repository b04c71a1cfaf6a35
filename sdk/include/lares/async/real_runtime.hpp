// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/runtime.hpp>
#include <lares/base/export.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace lares {

struct RealRuntimeOptions {
  /// Loops, each with a thread. At least 1, at most 256.
  std::size_t threads = 1;
  /// A loop held longer than this without giving way is logged with the context that held it, and counted.
  std::chrono::milliseconds stall_limit{50};
};

/// The Runtime of a real process: the system's clocks and random generator, threads, sockets.
///
/// The threads run from construction to stop(). The destructor stops; pools end first, then the loops, then
/// what was still suspended is destroyed without running.
///
/// **Threads** constructed and destroyed on one that is none of its loops.
class LARES_EXPORT RealRuntime final : public Runtime {
 public:
  explicit RealRuntime(RealRuntimeOptions options = {});
  ~RealRuntime() override;

  /// Ends the threads after what they are running now. Everything with a TaskGroup is joined before.
  void stop() noexcept;

  [[nodiscard]] std::int64_t now_ms() const noexcept override;
  [[nodiscard]] SteadyTime steady_now() const noexcept override;
  void fill(std::span<std::uint8_t> out) override;
  [[nodiscard]] std::size_t loop_count() const noexcept override;
  [[nodiscard]] Loop& loop(std::size_t index) noexcept override;
  [[nodiscard]] Loop& next_loop() noexcept override;
  BlockingPool& create_pool(PoolOptions options) override;
  [[nodiscard]] BlockingPool& pool(std::string_view name) override;
  [[nodiscard]] Task<std::vector<boost::asio::ip::address>> resolve(std::string host) override;

 private:
  void timer_changed(Loop& loop, SteadyTime deadline) override;

  struct State;
  std::unique_ptr<State> state_;
};

/// Runs a task to its end on the runtime's first loop and gives its result, for main() and for tests. The
/// task runs under a context of its own, named `name`.
///
/// **Threads** none of the loops. **Errors** whatever the task throws.
LARES_EXPORT void run_blocking(Runtime& runtime, std::string_view name, Task<void> task);

template <class T>
T run_blocking(Runtime& runtime, std::string_view name, Task<T> task) {
  std::optional<T> result;
  run_blocking(runtime, name, [](Task<T> inner, std::optional<T>& out) -> Task<void> {
    out.emplace(co_await std::move(inner));
  }(std::move(task), result));
  return std::move(*result);
}

}  // namespace lares
