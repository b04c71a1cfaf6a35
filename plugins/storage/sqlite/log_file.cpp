// SPDX-License-Identifier: Apache-2.0
#include "log_file.hpp"

#include <algorithm>
#include <vector>

namespace lares::storage::sqlite {

namespace {

// "The SQLite database file format", section 4: a header, then frames of a header and a page.
constexpr sqlite3_int64 kLogHeader = 32;
constexpr sqlite3_int64 kFrame = 24 + 4096;

constexpr sqlite3_int64 kStep = 1 << 20;
// A write of 128 KiB or a multiple of it fails: SQLite's file methods take the length modulo that.
constexpr sqlite3_int64 kChunk = 64 << 10;
// What a group of ordinary size may write before this is looked at again.
constexpr sqlite3_int64 kAhead = kStep / 4;

}  // namespace

void LogFile::keep_ahead(Connection& writer, int pages) noexcept {
  const sqlite3_int64 used = kLogHeader + pages * kFrame;
  if (used + kAhead <= size_) {
    return;
  }
  sqlite3_file* file = nullptr;
  if (sqlite3_file_control(writer.handle(), "main", SQLITE_FCNTL_JOURNAL_POINTER,
                           static_cast<void*>(&file)) != SQLITE_OK ||
      file == nullptr || file->pMethods == nullptr || file->pMethods->xFileSize(file, &size_) != SQLITE_OK ||
      used + kAhead <= size_) {
    return;
  }
  static const std::vector<char> kZeros(kChunk);
  const sqlite3_int64 end = std::max(size_, used) + kStep;
  for (sqlite3_int64 at = std::max(size_, used); at < end; at += kChunk) {
    if (file->pMethods->xWrite(file, kZeros.data(), static_cast<int>(kZeros.size()), at) != SQLITE_OK) {
      return;
    }
  }
  if (file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) == SQLITE_OK) {
    size_ = end;
  }
}

}  // namespace lares::storage::sqlite
