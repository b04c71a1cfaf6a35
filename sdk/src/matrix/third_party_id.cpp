// SPDX-License-Identifier: Apache-2.0
#include <lares/json/scanner.hpp>
#include <lares/matrix/third_party_id.hpp>

#include <algorithm>

namespace lares::matrix {

namespace {

constexpr std::size_t kLongestEmail = 500;
constexpr std::size_t kShortestNumber = 4;
constexpr std::size_t kLongestNumber = 15;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

}  // namespace

std::optional<std::string> canonical_email(std::string_view address) {
  const std::size_t at = address.find('@');
  if (address.size() > kLongestEmail || at == 0 || at == std::string_view::npos || at + 1 == address.size() ||
      address.find('@', at + 1) != std::string_view::npos ||
      json::valid_utf8_prefix(address) != address.size()) {
    return std::nullopt;
  }
  const auto forbidden = [](char c) {
    return static_cast<unsigned char>(c) <= 0x20U || c == 0x7F || c == '<' || c == '>' || c == ',' ||
           c == ';';
  };
  std::string folded = fold_case(address);
  if (std::ranges::any_of(address, forbidden) || folded.starts_with("mailto:")) {
    return std::nullopt;
  }
  return folded;
}

std::optional<std::string> canonical_msisdn(std::string_view number) {
  std::string digits;
  for (std::size_t i = 0; i < number.size(); ++i) {
    const char c = number[i];
    if (is_digit(c)) {
      digits += c;
    } else if (!(c == '+' && i == 0) && std::string_view{" -.()"}.find(c) == std::string_view::npos) {
      return std::nullopt;
    }
    if (digits.size() > kLongestNumber) {
      return std::nullopt;
    }
  }
  // No country code begins with 0: that would be a number within some country.
  if (digits.size() < kShortestNumber || digits.front() == '0') {
    return std::nullopt;
  }
  return digits;
}

std::optional<std::string> canonical_third_party_id(std::string_view medium, std::string_view address) {
  if (medium == "email") {
    return canonical_email(address);
  }
  return medium == "msisdn" ? canonical_msisdn(address) : std::nullopt;
}

}  // namespace lares::matrix
