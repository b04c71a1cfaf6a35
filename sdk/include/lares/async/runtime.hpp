// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/log_context.hpp>
#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/base/ref_counted.hpp>
#include <lares/base/time.hpp>
#include <lares/crypto/random_source.hpp>

#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace lares {

class BlockingPool;
class Runtime;
struct PoolOptions;
namespace metrics {
class Registry;
}
namespace detail {
class BackgroundProcesses;
}

/// One io_context and the one thread that runs it. A connection, a timer, an actor and a coroutine live on
/// one loop from beginning to end.
///
/// **Threads** any, unless a function says otherwise. **Lifetime** that of the Runtime.
class LARES_EXPORT Loop {
 public:
  Loop(Runtime& runtime, std::size_t index);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();

  [[nodiscard]] Runtime& runtime() const noexcept { return *runtime_; }
  [[nodiscard]] std::size_t index() const noexcept { return index_; }

  /// For sockets and acceptors. Coroutines are spawned on executor() instead, so that they run under a
  /// context.
  [[nodiscard]] boost::asio::io_context& io_context() noexcept { return *io_context_; }

  /// An executor on this loop that starts a new flow under `context` (null: the sentinel).
  [[nodiscard]] Executor executor(RefPtr<LogContext> context);

  /// Runs `function` on the loop, never before returning, under the sentinel. Functions from one thread keep
  /// their order.
  void post(std::move_only_function<void()> function);

  /// The loop that runs on the calling thread; null on others.
  [[nodiscard]] static Loop* current() noexcept;
  [[nodiscard]] bool is_current() const noexcept { return current() == this; }

  /// Time since the epoch, steady, as the Runtime has it.
  [[nodiscard]] SteadyTime now() const noexcept;

  /// The parts that only liblares itself knows; implementations of Runtime use LoopDriver.
  struct Internals;
  [[nodiscard]] Internals& internals() noexcept { return *internals_; }

 private:
  Runtime* runtime_;
  std::size_t index_;
  std::unique_ptr<boost::asio::io_context> io_context_;
  std::unique_ptr<Internals> internals_;
};

/// Clocks, chance, timers, threads and name resolution of a process. Code asks the Runtime and nothing else
/// for them, so that a simulation can run several servers on one seeded scheduler in virtual time.
///
/// **Threads** any. **Lifetime** outlives everything built on it.
class LARES_EXPORT Runtime : public crypto::RandomSource {
 public:
  ~Runtime() override;

  /// Milliseconds since the epoch.
  [[nodiscard]] virtual std::int64_t now_ms() const noexcept = 0;
  /// For measuring and for deadlines.
  [[nodiscard]] virtual SteadyTime steady_now() const noexcept = 0;

  /// Random bytes that are fit for keys and tokens; cannot fail. The same as RandomSource::fill.
  void random_bytes(std::span<std::uint8_t> out) { fill(out); }

  /// Suspends the calling coroutine. Zero and less give way to whatever else is ready on the loop.
  ///
  /// **Cancellation** ends the wait with operation_aborted.
  [[nodiscard]] Task<void> sleep_for(std::chrono::nanoseconds duration);
  [[nodiscard]] Task<void> sleep_until(SteadyTime deadline);

  [[nodiscard]] virtual std::size_t loop_count() const noexcept = 0;
  /// `index` below loop_count().
  [[nodiscard]] virtual Loop& loop(std::size_t index) noexcept = 0;
  /// The loops in turn, for spreading connections.
  [[nodiscard]] virtual Loop& next_loop() noexcept = 0;
  /// The loop of the calling thread, else next_loop().
  [[nodiscard]] Loop& this_or_next_loop() noexcept;
  /// The same loop for the same key, for placing actors.
  [[nodiscard]] Loop& loop_for(std::size_t hash) noexcept { return loop(hash % loop_count()); }

  /// Makes a pool of threads for blocking work. **Errors** std::logic_error when there is one of this name.
  virtual BlockingPool& create_pool(PoolOptions options) = 0;
  /// A pool that was made before. **Errors** std::logic_error when there is none.
  [[nodiscard]] virtual BlockingPool& pool(std::string_view name) = 0;

  /// The addresses of a host, numeric ones included, in the order of preference; never empty.
  ///
  /// **Errors** boost::system::system_error. **Cancellation** ends the wait; bounded by 10 s anyhow.
  [[nodiscard]] virtual Task<std::vector<boost::asio::ip::address>> resolve(std::string host) = 0;

  [[nodiscard]] metrics::Registry& metrics() noexcept;
  /// The background processes that spawn() has started, for their metrics.
  [[nodiscard]] detail::BackgroundProcesses& background_processes() noexcept;

 protected:
  Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  friend class Loop;
  friend struct Loop::Internals;
  /// The earliest timer of a loop is now at `deadline` (or there is none: SteadyTime::max()). Called on the
  /// loop's thread.
  virtual void timer_changed(Loop& loop, SteadyTime deadline) = 0;

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace lares
