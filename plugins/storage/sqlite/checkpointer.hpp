// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "connection.hpp"
#include "options.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace lares::storage::sqlite {

/// Moves what was committed from the write-ahead log into the database file, on a thread of its own, so that
/// no commit waits for it.
class Checkpointer {
 public:
  Checkpointer(const SqliteOptions& options, Runtime& runtime);
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  /// The log has this many pages. **Threads**: that of the writer, between two transactions.
  void log_has_grown(Connection& writer, int pages) noexcept;

 private:
  void run() noexcept;

  Connection connection_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool wanted_ = false;
  bool stopping_ = false;
  std::atomic<bool> working_{false};
  int checkpoint_pages_;
  int reset_pages_;
  int next_request_;
  int next_reset_;
  std::thread thread_;
};

}  // namespace lares::storage::sqlite
