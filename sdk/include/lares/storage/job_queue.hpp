// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/storage/database.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace lares::storage {

/// Jobs that wait for a thread of the database, first come first served, bounded. For engines.
///
/// **Threads**: any.
class JobQueue {
 public:
  JobQueue(std::size_t limit, DatabaseStatistics& statistics) noexcept
      : limit_{limit}, statistics_{statistics} {}

  /// False when it is full or closed; the job then stays the caller's.
  [[nodiscard]] bool push(Job& job) noexcept {
    bool wake = false;
    {
      const std::lock_guard lock{mutex_};
      if (count_ >= limit_ || closed_) {
        return false;
      }
      job.next = nullptr;
      (last_ == nullptr ? first_ : last_->next) = &job;
      last_ = &job;
      ++count_;
      waiting(job).fetch_add(1, std::memory_order_relaxed);
      wake = sleeping_ > 0;
    }
    if (wake) {
      arrived_.notify_one();
    }
    return true;
  }

  /// The next job; waits for one. Null once the queue is closed and empty.
  [[nodiscard]] Job* wait() noexcept {
    std::unique_lock lock{mutex_};
    while (first_ == nullptr && !closed_) {
      ++sleeping_;
      arrived_.wait(lock);
      --sleeping_;
    }
    return take();
  }

  /// The next job, or null if there is none now.
  [[nodiscard]] Job* poll() noexcept {
    const std::lock_guard lock{mutex_};
    return take();
  }

  /// Nothing more is taken in; what waits is still served.
  void close() noexcept {
    {
      const std::lock_guard lock{mutex_};
      closed_ = true;
    }
    arrived_.notify_all();
  }

 private:
  std::atomic<std::uint64_t>& waiting(const Job& job) noexcept {
    return job.kind() == Job::Kind::Read ? statistics_.reads_queued : statistics_.writes_queued;
  }

  Job* take() noexcept {
    Job* const job = first_;
    if (job != nullptr) {
      first_ = job->next;
      if (first_ == nullptr) {
        last_ = nullptr;
      }
      --count_;
      waiting(*job).fetch_sub(1, std::memory_order_relaxed);
    }
    return job;
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  Job* first_ = nullptr;
  Job* last_ = nullptr;
  std::size_t count_ = 0;
  std::size_t limit_;
  std::size_t sleeping_ = 0;
  bool closed_ = false;
  DatabaseStatistics& statistics_;
};

}  // namespace lares::storage
