// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <config/document.hpp>

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace lares::config {

// How the text of a plain scalar reads, by YAML 1.1 as administrators' files are written for it. Nothing when
// the text is no such thing, or does not fit.

/// true, false, yes, no, on, off: in lower case, Capitalised or UPPER CASE.
[[nodiscard]] std::optional<bool> read_bool(std::string_view text);
/// Decimal, 0x1F, 0b11, and octal both as 0666 and 0o666; underscores between digits.
[[nodiscard]] std::optional<std::int64_t> read_integer(std::string_view text);
/// An integer or a decimal fraction, with an exponent or without.
[[nodiscard]] std::optional<double> read_number(std::string_view text);

/// A whole number of milliseconds, or one with a unit: ms, s, m, h, d, w, y (365 days). **Units**:
/// milliseconds.
[[nodiscard]] std::optional<std::int64_t> read_duration(std::string_view text);
/// A whole number of bytes, or one with a unit: K, M, G, T, each also with B or iB; powers of 1024.
/// **Units**: bytes.
[[nodiscard]] std::optional<std::int64_t> read_size(std::string_view text);

/// The value of a node that no declaration describes.
[[nodiscard]] nlohmann::json to_json(const Node& node);

/// A duration as an administrator writes it: 300000 is "5m".
[[nodiscard]] std::string format_duration(std::int64_t milliseconds);
/// A size likewise: 52428800 is "50M".
[[nodiscard]] std::string format_size(std::int64_t bytes);

}  // namespace lares::config
