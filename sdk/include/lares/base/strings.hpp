// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lares {

/// Without spaces, tabs and line ends at both ends.
[[nodiscard]] LARES_EXPORT std::string_view trim(std::string_view text) noexcept;

/// The pieces between separators; an empty text has one empty piece. Views into `text`.
[[nodiscard]] LARES_EXPORT std::vector<std::string_view> split(std::string_view text, char separator);

[[nodiscard]] LARES_EXPORT std::string join(std::span<const std::string> parts, std::string_view separator);

/// ASCII letters in lower case, all other bytes as they are.
[[nodiscard]] LARES_EXPORT std::string to_lower_ascii(std::string_view text);

/// Equality that ignores the case of ASCII letters: header names, host names.
[[nodiscard]] LARES_EXPORT bool equals_ignore_case(std::string_view a, std::string_view b) noexcept;

/// A whole text as a decimal integer: an optional minus and digits, nothing else; nothing when it is not one
/// or does not fit.
[[nodiscard]] LARES_EXPORT std::optional<std::int64_t> parse_int64(std::string_view text) noexcept;
[[nodiscard]] LARES_EXPORT std::optional<std::uint64_t> parse_uint64(std::string_view text) noexcept;

/// The candidate that differs from `text` by the fewest insertions, deletions, replacements and swaps of
/// neighbours, if few enough that it may have been meant (a third of its length); for "did you mean" in
/// errors. At most 4096 candidates.
[[nodiscard]] LARES_EXPORT std::optional<std::string> nearest(std::string_view text,
                                                              std::span<const std::string> candidates);

/// Lets maps with std::string keys be searched by string_view.
struct StringHash {
  using is_transparent = void;
  [[nodiscard]] std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};

}  // namespace lares
