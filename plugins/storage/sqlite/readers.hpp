// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "connection.hpp"
#include "options.hpp"

#include <lares/storage/database.hpp>
#include <lares/storage/job_queue.hpp>

#include <memory>
#include <thread>
#include <vector>

namespace lares::storage::sqlite {

/// The threads that read, each with a connection of its own. Readers wait neither for each other nor for the
/// writer.
class Readers {
 public:
  Readers(const SqliteOptions& options, Runtime& runtime, DatabaseStatistics& statistics);
  /// Runs what is still queued.
  ~Readers();
  Readers(const Readers&) = delete;
  Readers& operator=(const Readers&) = delete;

  [[nodiscard]] bool submit(Job& job) noexcept;

 private:
  void run(Connection& connection) noexcept;
  void run_job(Connection& connection, Job& job) noexcept;

  bool without_threads_;
  Runtime& runtime_;
  DatabaseStatistics& statistics_;
  JobQueue queue_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::thread> threads_;
};

}  // namespace lares::storage::sqlite
