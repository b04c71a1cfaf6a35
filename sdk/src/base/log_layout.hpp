// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/log.hpp>

#include <spdlog/common.h>
#include <spdlog/formatter.h>

#include <memory>

namespace lares::log {

/// Lays a record out as one line with its end: secrets taken out, control characters escaped, with the fields
/// of the current LogContext. Formats on the thread that logs, so each thread has its own.
[[nodiscard]] std::unique_ptr<spdlog::formatter> make_formatter(Layout layout);

[[nodiscard]] constexpr spdlog::level::level_enum to_spdlog(Level level) noexcept {
  // spdlog has a level below ours.
  return static_cast<spdlog::level::level_enum>(static_cast<int>(level) + 1);
}
[[nodiscard]] constexpr Level from_spdlog(spdlog::level::level_enum level) noexcept {
  return level == spdlog::level::trace ? Level::kDebug : static_cast<Level>(static_cast<int>(level) - 1);
}
static_assert(to_spdlog(Level::kDebug) == spdlog::level::debug);
static_assert(to_spdlog(Level::kOff) == spdlog::level::off);

}  // namespace lares::log
