// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lares::http {

/// A body that is produced while it is sent: media, exports.
class LARES_EXPORT BodySource {
 public:
  virtual ~BodySource();
  /// Fills a prefix of `buffer` and returns its length; 0 at the end. **Threads**: the connection's loop.
  virtual Task<std::size_t> read(std::span<char> buffer) = 0;
};

/// What a handler returns.
struct LARES_EXPORT Response {
  int status = 200;
  std::string_view content_type = "application/json";  ///< static storage
  std::string body = {};
  /// A body shared by many responses (an empty sync, /versions); used instead of `body` where set.
  std::shared_ptr<const std::string> shared_body = {};
  /// A streamed body; used instead of both where set. `length` is its Content-Length, or -1 for chunked.
  std::unique_ptr<BodySource> source = {};
  std::int64_t length = -1;
  std::vector<std::pair<std::string, std::string>> headers = {};

  static Response json(const nlohmann::json& value, int status = 200);
  static Response json_text(std::string text, int status = 200) {
    return {.status = status, .body = std::move(text)};
  }
  static Response empty_object() { return {.body = "{}"}; }
  static Response html(std::string text, int status = 200) {
    return {.status = status, .content_type = "text/html; charset=utf-8", .body = std::move(text)};
  }
};

}  // namespace lares::http
