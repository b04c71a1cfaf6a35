// SPDX-License-Identifier: Apache-2.0
#include "log_buffer.hpp"

#include <type_traits>

namespace lares::storage::sqlite {

namespace {

// SQLite's own file methods take the length of a write modulo 128 KiB, and report a full disk when that
// leaves nothing; so a write stays below it.
constexpr std::size_t kMostHeld = std::size_t{120} << 10U;

}  // namespace

struct LogBuffer::Methods {
  static LogBuffer& self(sqlite3_file* file) noexcept {
    static_assert(std::is_standard_layout_v<Link>);
    return *reinterpret_cast<const Link*>(file->pMethods)->self;
  }

  static int write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
    return self(file).write(file, bytes, size, offset);
  }
  static int read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
    const int code = self(file).flush(file);
    return code != SQLITE_OK ? code : self(file).inner_->xRead(file, out, size, offset);
  }
  static int sync(sqlite3_file* file, int flags) {
    const int code = self(file).flush(file);
    return code != SQLITE_OK ? code : self(file).inner_->xSync(file, flags);
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    const int code = self(file).flush(file);
    return code != SQLITE_OK ? code : self(file).inner_->xTruncate(file, size);
  }
  static int file_size(sqlite3_file* file, sqlite3_int64* size) {
    const int code = self(file).flush(file);
    return code != SQLITE_OK ? code : self(file).inner_->xFileSize(file, size);
  }
  // What was never synced is of no transaction that was committed.
  static int close(sqlite3_file* file) {
    LogBuffer& buffer = self(file);
    const sqlite3_io_methods* const inner = buffer.inner_;
    buffer.held_.clear();
    buffer.inner_ = nullptr;
    file->pMethods = inner;
    return inner->xClose(file);
  }
};

void LogBuffer::hold(Connection& writer) noexcept {
  sqlite3_file* file = nullptr;
  if (inner_ != nullptr ||
      sqlite3_file_control(writer.handle(), "main", SQLITE_FCNTL_JOURNAL_POINTER,
                           static_cast<void*>(&file)) != SQLITE_OK ||
      file == nullptr || file->pMethods == nullptr ||
      (file->pMethods->xDeviceCharacteristics(file) & SQLITE_IOCAP_POWERSAFE_OVERWRITE) == 0) {
    return;
  }
  inner_ = file->pMethods;
  link_.methods = *inner_;
  link_.methods.xWrite = &Methods::write;
  link_.methods.xRead = &Methods::read;
  link_.methods.xSync = &Methods::sync;
  link_.methods.xTruncate = &Methods::truncate;
  link_.methods.xFileSize = &Methods::file_size;
  link_.methods.xClose = &Methods::close;
  link_.self = this;
  file->pMethods = &link_.methods;
}

int LogBuffer::write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) noexcept {
  const auto length = static_cast<std::size_t>(size);
  const bool follows = offset == begin_ + static_cast<sqlite3_int64>(held_.size());
  if (!held_.empty() && (!follows || held_.size() + length > kMostHeld)) {
    if (const int code = flush(file); code != SQLITE_OK) {
      return code;
    }
  }
  if (length > kMostHeld / 2) {
    const int code = flush(file);
    return code != SQLITE_OK ? code : inner_->xWrite(file, bytes, size, offset);
  }
  if (held_.empty()) {
    begin_ = offset;
  }
  const char* const first = static_cast<const char*>(bytes);
  try {
    held_.insert(held_.end(), first, first + length);
  } catch (...) {
    return SQLITE_IOERR_NOMEM;
  }
  return SQLITE_OK;
}

int LogBuffer::flush(sqlite3_file* file) noexcept {
  if (held_.empty()) {
    return SQLITE_OK;
  }
  const int code = inner_->xWrite(file, held_.data(), static_cast<int>(held_.size()), begin_);
  held_.clear();
  return code;
}

}  // namespace lares::storage::sqlite
