// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace lares {

/// A moment of the process's steady clock. Only a Runtime says what time it is.
using SteadyTime = std::chrono::steady_clock::time_point;

/// Reads a duration as configuration files write it: a number of milliseconds ("1500"), or an integer with
/// one of the units ms, s, m, h, d, w, y ("5m"; a year has 365 days).
///
/// **Errors** a sentence part that says what was expected, to follow file and key.
[[nodiscard]] LARES_EXPORT std::expected<std::chrono::milliseconds, std::string> parse_duration(
    std::string_view text);

/// Reads a size in bytes as configuration files write it: an integer, alone or with one of K, M, G, T, KiB,
/// MiB, GiB, TiB
/// ("50M" is 50 * 1024 * 1024).
[[nodiscard]] LARES_EXPORT std::expected<std::uint64_t, std::string> parse_size(std::string_view text);

/// "5m", "1h", "1500ms": the shortest exact text that parse_duration reads back.
[[nodiscard]] LARES_EXPORT std::string format_duration(std::chrono::milliseconds duration);

/// "50M": the shortest exact text that parse_size reads back.
[[nodiscard]] LARES_EXPORT std::string format_size(std::uint64_t bytes);

/// `2026-11-20T18:44:22.123Z` for milliseconds since the epoch.
[[nodiscard]] LARES_EXPORT std::string format_iso8601(std::int64_t unix_ms);

}  // namespace lares
