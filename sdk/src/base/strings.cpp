// SPDX-License-Identifier: Apache-2.0
#include <lares/base/strings.hpp>

#include <algorithm>
#include <charconv>
#include <limits>

namespace lares {

namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::size_t kMaxCandidates = 4096;
constexpr std::size_t kMaxCompared = 128;

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Damerau-Levenshtein distance with adjacent swaps (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    last[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

template <class Number>
std::optional<Number> parse_whole(std::string_view text) noexcept {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

}  // namespace

std::string_view trim(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t at = text.find(separator);
    out.push_back(text.substr(0, at));
    if (at == std::string_view::npos) {
      return out;
    }
    text.remove_prefix(at + 1);
  }
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i != 0) {
      out += separator;
    }
    out += parts[i];
  }
  return out;
}

std::string to_lower_ascii(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

bool equals_ignore_case(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::int64_t> parse_int64(std::string_view text) noexcept {
  return parse_whole<std::int64_t>(text);
}

std::optional<std::uint64_t> parse_uint64(std::string_view text) noexcept {
  return parse_whole<std::uint64_t>(text);
}

std::optional<std::string> nearest(std::string_view text, std::span<const std::string> candidates) {
  const std::string_view wanted = text.substr(0, kMaxCompared);
  std::size_t best = std::max<std::size_t>(1, wanted.size() / 3) + 1;
  const std::string* found = nullptr;
  for (const std::string& candidate : candidates.first(std::min(candidates.size(), kMaxCandidates))) {
    const std::string_view compared = std::string_view{candidate}.substr(0, kMaxCompared);
    if (compared.size() > wanted.size() + best || wanted.size() > compared.size() + best) {
      continue;
    }
    const std::size_t apart = distance(wanted, compared);
    if (apart < best) {
      best = apart;
      found = &candidate;
    }
  }
  return found == nullptr ? std::nullopt : std::optional{*found};
}

}  // namespace lares
