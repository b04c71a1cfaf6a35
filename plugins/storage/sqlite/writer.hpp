// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "checkpointer.hpp"
#include "connection.hpp"
#include "log_buffer.hpp"
#include "log_file.hpp"
#include "options.hpp"

#include <lares/storage/database.hpp>
#include <lares/storage/job_queue.hpp>

#include <exception>
#include <string>
#include <thread>
#include <vector>

namespace lares::storage::sqlite {

/// The one thread that writes. It runs what is queued, each job in a savepoint, and commits it as one group:
/// one fsync for all. A job that fails is rolled back alone.
class Writer {
 public:
  Writer(const SqliteOptions& options, Runtime& runtime, DatabaseStatistics& statistics);
  /// Runs what is still queued.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  [[nodiscard]] bool submit(Job& job) noexcept;

 private:
  struct Done {
    Job* job;
    std::exception_ptr error;
  };

  void run() noexcept;
  void run_all_of_group(Job* first) noexcept;
  void run_group(Job* first) noexcept;
  // Runs one job in the open group. Gives true if the group is still open.
  [[nodiscard]] bool run_job(Job& job, bool alone);
  [[nodiscard]] std::exception_ptr begin_group() noexcept;
  [[nodiscard]] std::exception_ptr commit_group() noexcept;
  void commit_failed(const std::string& reason) noexcept;
  void settle(std::exception_ptr group_error) noexcept;
  static int on_log_grown(void* self, sqlite3* handle, const char* schema, int pages) noexcept;

  SqliteOptions options_;
  Runtime& runtime_;
  DatabaseStatistics& statistics_;
  LogBuffer log_buffer_;  // outlives the connection, whose file leads to it
  Connection connection_;
  Checkpointer checkpointer_;
  JobQueue queue_;
  std::vector<Done> group_;  // what ran in the open group, or failed in it
  std::vector<Job*> again_;  // what was lost with a group that SQLite rolled back, and runs once more
  LogFile log_file_;
  int log_pages_ = 0;
  std::thread thread_;
};

}  // namespace lares::storage::sqlite
