// SPDX-License-Identifier: Apache-2.0
#include "thread_pool.hpp"

#include <pthread.h>

#include <chrono>
#include <utility>

namespace lares {

namespace {

constexpr std::size_t kMaxPools = 64;

metrics::Label pool_label() {
  return metrics::Label::bounded("name", kMaxPools);
}

metrics::Gauge& gauge(Runtime& runtime, const PoolOptions& options, std::string name, std::string help) {
  return runtime.metrics()
      .gauges({.name = std::move(name), .help = std::move(help), .labels = {pool_label()}})
      .at({options.name});
}

}  // namespace

void PoolQueue::push(PoolJob& job, SteadyTime now) noexcept {
  job.next_ = nullptr;
  job.queued_ = now;
  (last_ != nullptr ? last_->next_ : first_) = &job;
  last_ = &job;
  ++size_;
}

PoolJob* PoolQueue::pop(SteadyTime& waited_since) noexcept {
  PoolJob* const job = first_;
  if (job != nullptr) {
    first_ = job->next_;
    if (first_ == nullptr) {
      last_ = nullptr;
    }
    --size_;
    waited_since = job->queued_;
  }
  return job;
}

ThreadPool::ThreadPool(Runtime& runtime, PoolOptions options)
    : runtime_{runtime},
      options_{std::move(options)},
      wait_seconds_{runtime.metrics()
                        .histograms({.name = "lares_pool_wait_seconds",
                                     .help = "Time that blocking work waited for a thread of its pool",
                                     .labels = {pool_label()},
                                     .buckets = {.0001, .0005, .001, .005, .01, .05, .1, .5, 1, 5, 30}})
                        .at({options_.name})},
      queued_{gauge(runtime, options_, "lares_pool_queue_size",
                    "Blocking work that waits for a thread of its pool")},
      working_{gauge(runtime, options_, "synapse_threadpool_working_threads",
                     "Threads of the pool that are at work")},
      refused_{runtime.metrics()
                   .counters({.name = "lares_pool_refused",
                              .help = "Blocking work that was refused since too much was waiting",
                              .labels = {pool_label()}})
                   .at({options_.name})} {
  const auto threads = static_cast<std::int64_t>(options_.threads);
  gauge(runtime, options_, "synapse_threadpool_min_threads", "Threads of the pool at least").set(threads);
  gauge(runtime, options_, "synapse_threadpool_max_threads", "Threads of the pool at most").set(threads);
  gauge(runtime, options_, "synapse_threadpool_total_threads", "Threads of the pool").set(threads);
  threads_.reserve(options_.threads);
  for (std::size_t i = 0; i < options_.threads; ++i) {
    threads_.emplace_back([this] { work(); });
    // The kernel keeps 15 characters.
    const std::string thread_name = options_.name.substr(0, 12) + "-" + std::to_string(i % 100);
    pthread_setname_np(threads_.back().native_handle(), thread_name.c_str());
  }
}

ThreadPool::~ThreadPool() {
  stop();
}

std::size_t ThreadPool::waiting() const noexcept {
  const std::lock_guard lock{mutex_};
  return queue_.size();
}

void ThreadPool::submit(PoolJob& job) {
  const SteadyTime now = runtime_.steady_now();
  bool stopped = false;
  {
    const std::lock_guard lock{mutex_};
    stopped = stopping_;
    if (!stopped) {
      if (queue_.size() >= options_.max_queue) {
        refused_.add();
        throw QueueFull{"pool " + options_.name};
      }
      queue_.push(job, now);
      queued_.add();
    }
  }
  if (stopped) {
    abandon(job);
    return;
  }
  ready_.notify_one();
}

void ThreadPool::work() noexcept {
  std::unique_lock lock{mutex_};
  for (;;) {
    ready_.wait(lock, [this] { return stopping_ || queue_.size() != 0; });
    if (stopping_) {
      return;
    }
    SteadyTime waited_since{};
    PoolJob* const job = queue_.pop(waited_since);
    queued_.sub();
    lock.unlock();
    const std::chrono::duration<double> waited = runtime_.steady_now() - waited_since;
    wait_seconds_.observe(waited.count());
    working_.add();
    execute(*job);
    working_.sub();
    lock.lock();
  }
}

void ThreadPool::stop() noexcept {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  ready_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) {
      thread.join();
    }
  }
  SteadyTime waited_since{};
  while (PoolJob* const job = queue_.pop(waited_since)) {
    queued_.sub();
    abandon(*job);
  }
}

}  // namespace lares
