// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sqlite3.h>

#include <vector>

#include "connection.hpp"

namespace lares::storage::sqlite {

/// Gathers what SQLite appends to the write-ahead log, and writes it in one call when the log is synced.
/// SQLite itself makes two writes of each page, its header and its bytes, and a commit has some tens of
/// pages.
///
/// Nobody else reads what is held back: a frame of the log counts for other connections only once the index
/// of the log names it, and SQLite does that after the sync, since the connection runs with synchronous =
/// FULL. (Where a disk may spoil what lies beside a write, SQLite fills the sector up behind the sync;
/// nothing is held back there.) What this connection reads of the log itself, it reads after what is held
/// back was written.
///
/// **Threads**: that of the writer. **Lifetime**: longer than the connection.
class LogBuffer {
 public:
  /// Takes its place before the log's file of this connection, once SQLite has opened it; does nothing after
  /// that.
  void hold(Connection& writer) noexcept;

 private:
  struct Methods;

  /// Writes what is held back. What could not be written is dropped: the transaction fails, and is rolled
  /// back.
  int flush(sqlite3_file* file) noexcept;
  int write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) noexcept;

  /// What the file has instead of its own methods: SQLite gives the file to each, and the file leads back
  /// here.
  struct Link {
    sqlite3_io_methods methods{};  // first, so that the file's pointer is one to the whole
    LogBuffer* self = nullptr;
  };

  Link link_;
  const sqlite3_io_methods* inner_ = nullptr;
  std::vector<char> held_;
  sqlite3_int64 begin_ = 0;  // where in the file the first byte of `held_` belongs
};

}  // namespace lares::storage::sqlite
