// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/storage/database.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace lares {
class Runtime;
}

namespace lares::storage::sqlite {

struct SqliteOptions {
  std::string path;
  std::size_t readers = 3;
  std::size_t max_queued_reads = 20'000;
  std::size_t max_queued_writes = 20'000;
  /// Most transactions in one commit.
  std::size_t max_group = 256;
  std::int64_t writer_cache_kib = 8192;
  std::int64_t reader_cache_kib = 2048;
  /// The log is moved into the database file each time it has grown by this much,
  int checkpoint_pages = 1000;
  /// and begun anew when it has this length. Without that it would grow for as long as writes go on.
  int reset_pages = 4000;
  /// The name of an SQLite VFS; empty for the system's.
  std::string vfs;
  /// Runs each transaction on the calling thread, as a group of its own, and starts no threads: for
  /// simulations, whose scheduler alone decides what happens when.
  bool without_threads = false;
  /// Off where a simulation opens one file for several servers in its one thread.
  bool take_lock = true;
  /// Called with each statement before it runs, on whatever thread that is; what it throws ends the
  /// transaction there. For simulations of crashes.
  std::function<void(std::string_view sql)> before_statement;
  DatabaseOptions database;
  /// What happens after an I/O error at COMMIT. What a failed fsync dropped cannot be written again, so the
  /// process ends; tests of that put something else here.
  void (*on_commit_failure)(const std::string& reason) noexcept = nullptr;
};

/// Opens the file, made if there is none, and takes the lock beside it.
/// **Errors**: StartError when another process holds the lock, or the file cannot be opened or is no
/// database.
[[nodiscard]] std::unique_ptr<Database> open_sqlite(const SqliteOptions& options, Runtime& runtime);

}  // namespace lares::storage::sqlite
