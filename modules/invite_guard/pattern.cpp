// SPDX-License-Identifier: Apache-2.0
#include "pattern.hpp"

#include <algorithm>
#include <cstddef>

namespace invite_guard {
namespace {

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool in_word(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::size_t count_words(std::string_view pattern) {
  return static_cast<std::size_t>(std::count(pattern.begin(), pattern.end(), ' ')) + 1;
}

}  // namespace

bool matches(std::string_view pattern, std::string_view text) noexcept {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || lower(pattern[p]) == lower(text[t])) &&
        pattern[p] != '*') {
      ++p;
      ++t;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') {
    ++p;
  }
  return p == pattern.size();
}

bool matches_any(const std::vector<std::string>& patterns, std::string_view text) noexcept {
  return std::any_of(patterns.begin(), patterns.end(),
                     [text](const std::string& pattern) { return matches(pattern, text); });
}

bool contains_word(const std::vector<std::string>& patterns, std::string_view text) {
  if (patterns.empty()) {
    return false;
  }
  // The words with single spaces between them, and where each begins and ends.
  std::string words;
  std::vector<std::size_t> begins;
  std::vector<std::size_t> ends;
  for (std::size_t i = 0; i < text.size();) {
    if (!in_word(text[i])) {
      ++i;
      continue;
    }
    if (!words.empty()) {
      words.push_back(' ');
    }
    begins.push_back(words.size());
    while (i < text.size() && in_word(text[i])) {
      words.push_back(text[i++]);
    }
    ends.push_back(words.size());
  }
  for (const auto& pattern : patterns) {
    const auto count = count_words(pattern);
    for (std::size_t first = 0; first + count <= begins.size(); ++first) {
      const auto begin = begins[first];
      if (matches(pattern, std::string_view(words).substr(begin, ends[first + count - 1] - begin))) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace invite_guard
