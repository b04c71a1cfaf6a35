// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "options.hpp"
#include "session.hpp"

#include <lares/storage/database.hpp>
#include <lares/storage/job_queue.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

namespace lares::storage::postgres {

/// The database interface on PostgreSQL: a pool of connections, each with a thread of its own, that take
/// transactions from one queue.
class PostgresDatabase final : public Database {
 public:
  PostgresDatabase(PostgresOptions options, Runtime& runtime);
  ~PostgresDatabase() override;

  /// Connects and checks that the database is fit. Blocks.
  /// **Errors**: StartError that says what to do.
  void open();
  /// Runs what was submitted, and disconnects. Waits for an open() that is under way.
  void close() noexcept;
  /// The same for a loop, which they do not block. The database outlives the end of these, whoever awaits
  /// them.
  [[nodiscard]] Task<void> opened();
  [[nodiscard]] Task<void> closed();

  [[nodiscard]] Engine engine() const noexcept override { return Engine::Postgres; }

 protected:
  void submit(Job& job) noexcept override;

 private:
  void work(std::unique_ptr<Session> session) noexcept;
  // Tries the job until it is committed, has failed for good, or patience ends. The session is replaced where
  // it is lost.
  void perform(Job& job, std::unique_ptr<Session>& session);
  void attempt(Job& job, Session& session, bool& committing);
  static void settle(Job& job, Session& session);
  void check_fitness(Session& session) const;
  void say_away(std::string_view reason) noexcept;
  void say_back() noexcept;
  /// Waits a little longer after each failed try; false when the pool is closing.
  bool pause(int tries) noexcept;

  PostgresOptions options_;
  JobQueue queue_;
  std::mutex opening_;
  std::vector<std::thread> threads_;
  std::atomic<bool> away_{false};
  std::mutex mutex_;
  std::condition_variable closing_changed_;
  bool closing_ = false;
};

}  // namespace lares::storage::postgres
