// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace lares::storage::sqlite {

/// The lock on a data folder: a file beside the database that one process holds while it lives, however it
/// ends.
class FileLock {
 public:
  /// **Errors**: StartError that names the process which holds it.
  explicit FileLock(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace lares::storage::sqlite
