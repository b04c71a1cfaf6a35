// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/log.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace lares {
class LogContext;
}

namespace lares::log {

/// A record before it is laid out.
struct Record {
  std::string_view logger;
  Level level = Level::kInfo;
  std::uint32_t line = 0;
  /// Milliseconds since the epoch.
  std::int64_t time_ms = 0;
  std::string_view message;
  const LogContext* context = nullptr;
};

/// Appends a record as one line with its end, secrets taken out and control characters escaped.
void append_line(std::string& out, const Record& record, Layout layout);

}  // namespace lares::log
