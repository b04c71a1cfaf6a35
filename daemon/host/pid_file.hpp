// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace lares::host {

/// A file with the process's number in it, from `place` to destruction.
class PidFile {
 public:
  /// Writes a draft beside the file, so that what hinders it shows at once. An empty path makes no file.
  /// **Errors**: StartError with file and reason.
  explicit PidFile(std::filesystem::path file);
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;
  ~PidFile();

  /// The process serves: its number takes the place of what stands there. Before that the file may be that of
  /// a process beside which this one is refused.
  /// **Errors**: StartError with file and reason.
  void place();

 private:
  [[noreturn]] void fail(int error) const;

  std::filesystem::path file_;
  std::filesystem::path draft_;
  bool placed_ = false;
};

}  // namespace lares::host
