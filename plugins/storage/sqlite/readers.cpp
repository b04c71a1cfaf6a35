// SPDX-License-Identifier: Apache-2.0
#include "readers.hpp"

#include "transaction.hpp"

#include <lares/async/runtime.hpp>
#include <lares/async/waiter.hpp>

#include <pthread.h>

#include <exception>

namespace lares::storage::sqlite {

namespace {

void end_snapshot(Connection& connection) noexcept {
  if (sqlite3_get_autocommit(connection.handle()) == 0) {
    sqlite3_exec(connection.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

}  // namespace

Readers::Readers(const SqliteOptions& options, Runtime& runtime, DatabaseStatistics& statistics)
    : without_threads_{options.without_threads},
      runtime_{runtime},
      statistics_{statistics},
      queue_{options.max_queued_reads, statistics} {
  for (std::size_t i = 0; i < options.readers; ++i) {
    connections_.push_back(std::make_unique<Connection>(options, ConnectionRole::Reader, runtime));
  }
  for (const auto& connection : connections_) {
    if (without_threads_) {
      break;
    }
    threads_.emplace_back([this, &reader = *connection] { run(reader); });
  }
}

Readers::~Readers() {
  queue_.close();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

bool Readers::submit(Job& job) noexcept {
  if (!without_threads_) {
    return queue_.push(job);
  }
  run_job(*connections_.front(), job);
  return true;
}

void Readers::run(Connection& connection) noexcept {
  pthread_setname_np(pthread_self(), "lares-sql-read");
  while (Job* const job = queue_.wait()) {
    run_job(connection, *job);
  }
}

void Readers::run_job(Connection& connection, Job& job) noexcept {
  job.started_at = runtime_.steady_now();
  std::exception_ptr error;
  try {
    connection.set_deadline(job.started_at + kSnapshotLifetime);
    connection.run("BEGIN");
    SqliteTransaction transaction{connection, statistics_, Job::Kind::Read};
    job.run(transaction);
    connection.set_deadline(SteadyTime::max());
    connection.run("COMMIT");
  } catch (...) {
    error = std::current_exception();
    connection.set_deadline(SteadyTime::max());
    end_snapshot(connection);
  }
  (error ? statistics_.failed : statistics_.reads).fetch_add(1, std::memory_order_relaxed);
  WakeBatch batch;
  job.finish(batch, runtime_.steady_now(), std::move(error));
  batch.flush();
}

}  // namespace lares::storage::sqlite
