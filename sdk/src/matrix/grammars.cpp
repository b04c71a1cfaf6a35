// SPDX-License-Identifier: Apache-2.0
#include <lares/matrix/grammars.hpp>
#include <lares/matrix/identifiers.hpp>

#include <algorithm>

namespace lares::matrix {

namespace {

constexpr std::size_t kLongestVersion = 32;

bool lower(char c) noexcept {
  return c >= 'a' && c <= 'z';
}
bool digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
bool letter(char c) noexcept {
  return lower(c) || (c >= 'A' && c <= 'Z');
}

}  // namespace

bool valid_namespaced_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= kMaxIdentifierBytes && lower(text.front()) &&
         std::ranges::all_of(text,
                             [](char c) { return lower(c) || digit(c) || c == '-' || c == '_' || c == '.'; });
}

bool valid_opaque_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= kMaxIdentifierBytes && std::ranges::all_of(text, [](char c) {
    return letter(c) || digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
  });
}

bool valid_room_version_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= kLongestVersion &&
         std::ranges::all_of(text, [](char c) { return lower(c) || digit(c) || c == '-' || c == '.'; });
}

std::optional<KeyIdParts> split_key_id(std::string_view text) noexcept {
  const std::size_t colon = text.find(':');
  if (colon == 0 || colon == std::string_view::npos || colon + 1 == text.size() ||
      text.size() > kMaxIdentifierBytes) {
    return std::nullopt;
  }
  return KeyIdParts{.algorithm = text.substr(0, colon), .name = text.substr(colon + 1)};
}

bool valid_server_key_id(std::string_view text) noexcept {
  const auto parts = split_key_id(text);
  return parts &&
         std::ranges::all_of(parts->algorithm, [](char c) { return lower(c) || digit(c) || c == '_'; }) &&
         std::ranges::all_of(parts->name, [](char c) { return letter(c) || digit(c) || c == '_'; });
}

}  // namespace lares::matrix
