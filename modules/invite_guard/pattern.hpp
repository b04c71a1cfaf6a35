// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace invite_guard {

/// Whether a text fits a pattern as a whole: '*' stands for any characters, '?' for one. Letters of ASCII
/// match in either case. Takes time in proportion to the product of both lengths at worst, whatever strangers
/// write; a regular expression could take exponentially long.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view text) noexcept;

/// A list of patterns.
[[nodiscard]] bool matches_any(const std::vector<std::string>& patterns, std::string_view text) noexcept;

/// Whether one of the patterns fits a word of the text, or, where the pattern has spaces, a run of words.
/// Words are separated by anything but letters, digits and bytes beyond ASCII.
[[nodiscard]] bool contains_word(const std::vector<std::string>& patterns, std::string_view text);

}  // namespace invite_guard
