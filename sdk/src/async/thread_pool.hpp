// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/blocking_pool.hpp>
#include <lares/async/runtime.hpp>
#include <lares/base/metrics.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace lares {

/// Jobs that wait, first in first out. Not thread-safe.
class PoolQueue {
 public:
  void push(PoolJob& job, SteadyTime now) noexcept;
  /// Null when empty; `waited_since` is when the job was pushed.
  [[nodiscard]] PoolJob* pop(SteadyTime& waited_since) noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  PoolJob* first_ = nullptr;
  PoolJob* last_ = nullptr;
  std::size_t size_ = 0;
};

/// The BlockingPool of a real process.
class ThreadPool final : public BlockingPool {
 public:
  ThreadPool(Runtime& runtime, PoolOptions options);
  /// Finishes what is running, abandons what is waiting.
  ~ThreadPool() override;

  [[nodiscard]] const std::string& name() const noexcept override { return options_.name; }
  [[nodiscard]] std::size_t waiting() const noexcept override;
  void submit(PoolJob& job) override;
  void stop() noexcept;

 private:
  void work() noexcept;

  Runtime& runtime_;
  PoolOptions options_;
  metrics::Histogram& wait_seconds_;
  metrics::Gauge& queued_;
  metrics::Gauge& working_;
  metrics::Counter& refused_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  PoolQueue queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace lares
