// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace lares::host {

/// A file with the process's number in it, from construction to destruction.
class PidFile {
 public:
  /// An empty path makes no file. A file that is there already is replaced: the process it names may be long
  /// gone, and two processes on the same data are kept apart by other means.
  /// **Errors**: StartError with file and reason.
  explicit PidFile(std::filesystem::path file);
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;
  ~PidFile();

 private:
  std::filesystem::path file_;
};

}  // namespace lares::host
