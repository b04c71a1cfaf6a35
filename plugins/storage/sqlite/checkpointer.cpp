// SPDX-License-Identifier: Apache-2.0
#include "checkpointer.hpp"

#include <lares/base/log.hpp>

#include <pthread.h>

namespace lares::storage::sqlite {

namespace {

constexpr int kPagesBetweenCheckpoints = 1000;
// With a log of this length the writer itself does the little that the thread has left, which lets the next
// transaction begin the log anew. Without that the log would grow for as long as the writes go on.
constexpr int kPagesBeforeReset = 4000;

// Passive: waits neither for readers nor for the writer, and does what can be done.
int checkpoint(Connection& connection) noexcept {
  return sqlite3_wal_checkpoint_v2(connection.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

}  // namespace

Checkpointer::Checkpointer(const SqliteOptions& options, Runtime& runtime)
    : connection_{options, ConnectionRole::Checkpointer, runtime},
      next_request_{kPagesBetweenCheckpoints},
      next_reset_{kPagesBeforeReset},
      thread_{[this] { run(); }} {}

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Checkpointer::log_has_grown(Connection& writer, int pages) noexcept {
  if (pages < kPagesBetweenCheckpoints) {
    next_request_ = kPagesBetweenCheckpoints;
    next_reset_ = kPagesBeforeReset;
    return;
  }
  if (pages >= next_reset_ && !working_.load(std::memory_order_acquire)) {
    checkpoint(writer);
    next_reset_ = pages + kPagesBetweenCheckpoints;
    next_request_ = pages + kPagesBetweenCheckpoints;
    return;
  }
  if (pages >= next_request_) {
    next_request_ = pages + kPagesBetweenCheckpoints;
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
