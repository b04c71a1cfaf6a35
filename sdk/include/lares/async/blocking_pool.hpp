// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/log_context.hpp>
#include <lares/async/waiter.hpp>
#include <lares/base/error.hpp>
#include <lares/base/export.hpp>
#include <lares/base/time.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace lares {

class Runtime;

struct PoolOptions {
  /// Label of the pool's metrics: `password`, `thumbnail`.
  std::string name{};
  std::size_t threads = 1;
  /// Jobs that wait for a thread; beyond, run_on() throws QueueFull.
  std::size_t max_queue = 1024;
};

/// Work for a pool's thread. **Lifetime** until finished() or abandoned() has been called.
class LARES_EXPORT PoolJob {
 public:
  PoolJob();
  PoolJob(const PoolJob&) = delete;
  PoolJob& operator=(const PoolJob&) = delete;

 protected:
  virtual ~PoolJob();

 private:
  friend class BlockingPool;
  friend class PoolQueue;
  /// On the pool's thread, under a child of the context in which the job was made.
  virtual void work() noexcept = 0;
  /// After work(), outside of the context; the object may be gone when it returns.
  virtual void finished() noexcept = 0;
  /// Instead of both, when the pool ends first.
  virtual void abandoned() noexcept = 0;

  PoolJob* next_ = nullptr;
  RefPtr<LogContext> context_;
  SteadyTime queued_{};
};

/// Threads for work that blocks or computes for long, so that it never holds a loop: password hashing,
/// thumbnails, SQL. Its waits, threads and queue are metrics (`synapse_threadpool_*`, `lares_pool_*`).
///
/// **Threads** any. **Lifetime** that of the Runtime, which makes it (Runtime::create_pool).
class LARES_EXPORT BlockingPool {
 public:
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;
  virtual ~BlockingPool();

  [[nodiscard]] virtual const std::string& name() const noexcept = 0;
  /// Jobs that wait for a thread.
  [[nodiscard]] virtual std::size_t waiting() const noexcept = 0;

  /// **Errors** QueueFull; then the job was not taken.
  virtual void submit(PoolJob& job) = 0;

 protected:
  BlockingPool() = default;
  /// Does a job's work under its context, and hands it back.
  static void execute(PoolJob& job) noexcept;
  static void abandon(PoolJob& job) noexcept { job.abandoned(); }
};

/// Runs a blocking function on a pool's thread and gives its result. It runs under a child of the caller's
/// context that carries the caller's name and charges it, and that has ended before the result is delivered.
///
/// **Errors** what the function throws; QueueFull when too many wait; BrokenPromise when the pool ended.
/// **Cancellation** what was queued runs to its end and is awaited.
template <class Function>
[[nodiscard]] Task<std::invoke_result_t<Function>> run_on(BlockingPool& pool, Function function) {
  using Result = std::invoke_result_t<Function>;
  struct Job final : PoolJob {
    explicit Job(Function&& f) : function{std::move(f)} {}
    void work() noexcept override {
      try {
        if constexpr (std::is_void_v<Result>) {
          function();
        } else {
          result.emplace(function());
        }
      } catch (...) {
        error = std::current_exception();
      }
    }
    void finished() noexcept override { waiter.notify(); }
    void abandoned() noexcept override {
      error = std::make_exception_ptr(BrokenPromise{});
      waiter.notify();
    }
    Function function;
    std::optional<std::conditional_t<std::is_void_v<Result>, std::monostate, Result>> result;
    std::exception_ptr error;
    Waiter waiter;
  };
  Job job{std::move(function)};
  co_await job.waiter.wait([&pool, &job] { pool.submit(job); });
  if (job.error) {
    std::rethrow_exception(std::move(job.error));
  }
  if constexpr (!std::is_void_v<Result>) {
    co_return std::move(*job.result);
  }
}

}  // namespace lares
