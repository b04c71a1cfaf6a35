// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/log.hpp>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <sstream>
#include <string>
#include <string_view>

namespace lares::host {

/// Where the modules of the build are.
inline std::filesystem::path build_folder() {
  const char* folder = std::getenv("LARES_BUILD_DIR");
  return folder == nullptr ? std::filesystem::current_path() : std::filesystem::path(folder);
}

/// What is logged while it lives.
class Lines final : public log::Capture {
 public:
  Lines() { log::set_capture(this); }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  ~Lines() override { log::set_capture(nullptr); }
  void line(std::string_view line) override {
    const std::lock_guard lock(mutex_);
    text_.append(line) += '\n';
  }
  bool contains(std::string_view part) { return count(part) != 0; }
  std::size_t count(std::string_view part) {
    const std::lock_guard lock(mutex_);
    std::size_t found = 0;
    for (auto at = text_.find(part); at != std::string::npos; at = text_.find(part, at + part.size())) {
      ++found;
    }
    return found;
  }

  void clear() {
    const std::lock_guard lock(mutex_);
    text_.clear();
  }
  /// The lines that have both parts.
  std::size_t count_with(std::string_view part, std::string_view other) {
    const std::lock_guard lock(mutex_);
    std::size_t found = 0;
    std::istringstream lines(text_);
    for (std::string line; std::getline(lines, line);) {
      found += line.contains(part) && line.contains(other) ? 1 : 0;
    }
    return found;
  }

 private:
  std::mutex mutex_;
  std::string text_;
};

}  // namespace lares::host
