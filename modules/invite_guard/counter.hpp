// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "settings.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace invite_guard {

/// How often each user has done something in the current window. Holds at most kMaxUsers; beyond, the windows
/// that have ended are forgotten, and if that does not help, further users are not counted until some have.
class Counter {
 public:
  static constexpr std::size_t kMaxUsers = 100'000;

  struct Window {
    std::int64_t ends_ms = 0;
    std::int64_t count = 0;
  };

  explicit Counter(Limit limit) : limit_(limit) {}

  /// Counts one; false, and nothing is counted, if the limit is reached.
  bool take(std::string_view user, std::int64_t now_ms) {
    if (limit_.count == 0) {
      return true;
    }
    auto place = windows_.find(std::string(user));
    if (place == windows_.end()) {
      if (windows_.size() >= kMaxUsers && !forget(now_ms)) {
        return true;
      }
      place = windows_.emplace(std::string(user), Window{}).first;
    }
    auto& window = place->second;
    if (now_ms >= window.ends_ms) {
      window = {now_ms + limit_.window_ms, 0};
    }
    if (window.count >= limit_.count) {
      return false;
    }
    ++window.count;
    return true;
  }

  [[nodiscard]] const std::unordered_map<std::string, Window>& windows() const noexcept { return windows_; }
  void restore(std::string user, Window window) {
    if (windows_.size() < kMaxUsers) {
      windows_[std::move(user)] = window;
    }
  }

 private:
  bool forget(std::int64_t now_ms) {
    for (auto place = windows_.begin(); place != windows_.end();) {
      place = now_ms >= place->second.ends_ms ? windows_.erase(place) : std::next(place);
    }
    return windows_.size() < kMaxUsers;
  }

  Limit limit_;
  std::unordered_map<std::string, Window> windows_;
};

}  // namespace invite_guard
