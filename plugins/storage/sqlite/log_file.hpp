// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "connection.hpp"

namespace lares::storage::sqlite {

/// The file of the write-ahead log, kept longer than what is in it. An fsync after a write at the end of a
/// file also has to write the file's new length and blocks, which takes several times as long as one after a
/// write into what is there; so the file grows by a megabyte of zeros at a time, and not with every commit.
/// SQLite reads the log up to the first frame that is none, and zeros are none.
///
/// **Threads**: that of the writer, between two transactions.
class LogFile {
 public:
  /// The log has this many pages now. What fails here is left to the next COMMIT to find.
  void keep_ahead(Connection& writer, int pages) noexcept;

 private:
  sqlite3_int64 size_ = 0;
};

}  // namespace lares::storage::sqlite
