// SPDX-License-Identifier: Apache-2.0
#include "checkpointer.hpp"

#include <lares/base/log.hpp>

#include <pthread.h>

namespace lares::storage::sqlite {

namespace {

// Passive: waits neither for readers nor for the writer, and does what can be done.
int checkpoint(Connection& connection) noexcept {
  return sqlite3_wal_checkpoint_v2(connection.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

}  // namespace

Checkpointer::Checkpointer(const SqliteOptions& options, Runtime& runtime)
    : connection_{options, ConnectionRole::Checkpointer, runtime},
      checkpoint_pages_{options.checkpoint_pages},
      reset_pages_{options.reset_pages},
      next_request_{options.checkpoint_pages},
      next_reset_{options.reset_pages},
      thread_{options.without_threads ? std::thread{} : std::thread{[this] { run(); }}} {}

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Checkpointer::log_has_grown(Connection& writer, int pages) noexcept {
  if (pages < checkpoint_pages_) {
    next_request_ = checkpoint_pages_;
    next_reset_ = reset_pages_;
    return;
  }
  // The writer does the little that the thread has left, and the next transaction begins the log anew.
  if (pages >= next_reset_ && !working_.load(std::memory_order_acquire)) {
    checkpoint(writer);
    next_reset_ = pages + checkpoint_pages_;
    next_request_ = pages + checkpoint_pages_;
    return;
  }
  if (pages >= next_request_) {
    next_request_ = pages + checkpoint_pages_;
    {
      const std::lock_guard lock{mutex_};
      wanted_ = true;
    }
    changed_.notify_one();
  }
}

void Checkpointer::run() noexcept {
  pthread_setname_np(pthread_self(), "lares-sql-ckpt");
  const log::Logger logger{"lares.storage.sqlite"};
  std::unique_lock lock{mutex_};
  for (;;) {
    changed_.wait(lock, [this] { return wanted_ || stopping_; });
    if (stopping_) {
      return;
    }
    wanted_ = false;
    working_.store(true, std::memory_order_release);
    lock.unlock();
    const int code = checkpoint(connection_);
    working_.store(false, std::memory_order_release);
    // What was not moved stays in the log and is safe there.
    if (code != SQLITE_OK && code != SQLITE_BUSY && code != SQLITE_LOCKED) {
      logger.error(
          "A checkpoint of the SQLite database failed: {} ({}). The log beside the file grows until one "
          "succeeds.",
          sqlite3_errstr(code), code);
    }
    lock.lock();
  }
}

}  // namespace lares::storage::sqlite
