// SPDX-License-Identifier: Apache-2.0
#include "writer.hpp"

#include "transaction.hpp"

#include <lares/async/runtime.hpp>
#include <lares/async/waiter.hpp>
#include <lares/base/log.hpp>
#include <lares/storage/errors.hpp>

#include <fmt/format.h>

#include <pthread.h>

#include <chrono>
#include <cstdlib>
#include <utility>

namespace lares::storage::sqlite {

namespace {

// A group takes in what arrives while it runs, but not for longer than this.
constexpr std::chrono::milliseconds kGroupTime{5};
constexpr int kExitIoError = 74;  // sysexits.h, EX_IOERR

[[noreturn]] void end_process(const std::string& reason) noexcept {
  const log::Logger logger{"lares.storage.sqlite"};
  logger.critical(
      "Writing the SQLite database to disk failed at COMMIT, and what was lost cannot be written again: {}. "
      "The process "
      "ends; nothing that was acknowledged is affected. Check the disk before starting it again.",
      reason);
  log::flush();
  std::_Exit(kExitIoError);
}

}  // namespace

Writer::Writer(const SqliteOptions& options, Runtime& runtime, DatabaseStatistics& statistics)
    : options_{options},
      runtime_{runtime},
      statistics_{statistics},
      connection_{options, ConnectionRole::Writer, runtime},
      checkpointer_{options, runtime},
      queue_{options.max_queued_writes, statistics} {
  sqlite3_wal_hook(connection_.handle(), &Writer::on_log_grown, this);
  group_.reserve(options_.max_group);
  if (!options_.without_threads) {
    thread_ = std::thread{[this] { run(); }};
  }
}

Writer::~Writer() {
  queue_.close();
  if (thread_.joinable()) {
    thread_.join();
  }
}

int Writer::on_log_grown(void* self, sqlite3* /*handle*/, const char* /*schema*/, int pages) noexcept {
  static_cast<Writer*>(self)->log_pages_ = pages;
  return SQLITE_OK;
}

void Writer::run() noexcept {
  pthread_setname_np(pthread_self(), "lares-sql-write");
  while (Job* const job = queue_.wait()) {
    run_all_of_group(job);
  }
}

bool Writer::submit(Job& job) noexcept {
  if (!options_.without_threads) {
    return queue_.push(job);
  }
  run_all_of_group(&job);
  return true;
}

void Writer::run_all_of_group(Job* first) noexcept {
  run_group(first);
  while (!again_.empty()) {
    Job* const again = again_.back();
    again_.pop_back();
    run_group(again);
  }
  checkpointer_.log_has_grown(connection_, log_pages_);
  log_buffer_.hold(connection_);
  log_file_.keep_ahead(connection_, log_pages_);
}

void Writer::run_group(Job* first) noexcept {
  const SteadyTime began = runtime_.steady_now();
  bool open = false;
  for (Job* job = first; job != nullptr;) {
    job->started_at = group_.empty() ? began : runtime_.steady_now();
    const bool alone = !open;
    if (alone) {
      if (std::exception_ptr error = begin_group()) {
        group_.push_back({job, std::move(error)});
        break;
      }
    }
    open = run_job(*job, alone);
    const bool full = group_.size() >= options_.max_group || runtime_.steady_now() - began > kGroupTime;
    job = full ? nullptr : queue_.poll();
  }
  settle(open ? commit_group() : nullptr);
}

std::exception_ptr Writer::begin_group() noexcept {
  try {
    connection_.run("BEGIN IMMEDIATE");
    return nullptr;
  } catch (...) {
    return std::current_exception();
  }
}

bool Writer::run_job(Job& job, bool alone) {
  bool marked = false;
  try {
    // The first of a group needs no savepoint: when it fails there is nothing else to keep.
    if (!alone) {
      connection_.run("SAVEPOINT job");
      marked = true;
    }
    {
      connection_.forget_failure();
      SqliteTransaction transaction{connection_, statistics_, Job::Kind::Write};
      job.run(transaction);
      // PostgreSQL does not commit after an error, so neither does this.
      if (connection_.has_failed()) {
        throw StatementError{
            "A statement of the transaction failed, and its function passed over the error."};
      }
    }
    if (marked) {
      connection_.run("RELEASE job");
    }
    group_.push_back({&job, nullptr});
    return true;
  } catch (...) {
    group_.push_back({&job, std::current_exception()});
  }
  try {
    if (sqlite3_get_autocommit(connection_.handle()) == 0) {
      if (marked) {
        connection_.run("ROLLBACK TO job");
        connection_.run("RELEASE job");
        return true;
      }
      connection_.run("ROLLBACK");
      return false;
    }
  } catch (...) {
    sqlite3_exec(connection_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
  // SQLite has rolled the whole group back (disk full, out of memory): the others have done nothing wrong.
  std::erase_if(group_, [this](const Done& done) {
    if (done.error == nullptr) {
      again_.push_back(done.job);
      return true;
    }
    return false;
  });
  return false;
}

std::exception_ptr Writer::commit_group() noexcept {
  try {
    connection_.run("COMMIT");
    statistics_.commits.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  } catch (const Error& error) {
    const int code = sqlite3_errcode(connection_.handle()) & 0xff;
    if (code == SQLITE_IOERR || code == SQLITE_CORRUPT) {
      commit_failed(error.what());
    }
    const std::exception_ptr kept = std::current_exception();
    sqlite3_exec(connection_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
    return kept;
  }
}

void Writer::commit_failed(const std::string& reason) noexcept {
  (options_.on_commit_failure != nullptr ? options_.on_commit_failure : end_process)(reason);
}

void Writer::settle(std::exception_ptr group_error) noexcept {
  const SteadyTime now = runtime_.steady_now();
  WakeBatch batch;
  std::uint64_t failed = 0;
  for (Done& done : group_) {
    if (done.error == nullptr) {
      done.error = group_error;
    }
    failed += done.error != nullptr ? 1 : 0;
  }
  statistics_.writes.fetch_add(group_.size() - failed, std::memory_order_relaxed);
  statistics_.failed.fetch_add(failed, std::memory_order_relaxed);
  for (Done& done : group_) {
    done.job->finish(batch, now, std::move(done.error));
  }
  group_.clear();
  batch.flush();
}

}  // namespace lares::storage::sqlite
