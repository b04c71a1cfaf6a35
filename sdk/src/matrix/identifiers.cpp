// SPDX-License-Identifier: Apache-2.0
#include "identifier_grammar.hpp"

#include <arpa/inet.h>
#include <lares/json/scanner.hpp>
#include <lares/matrix/identifiers.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace lares::matrix {

namespace {

[[nodiscard]] constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

[[nodiscard]] constexpr bool is_alpha(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

constexpr std::array<bool, 256> kHostCharacters = [] {
  std::array<bool, 256> allowed{};
  for (unsigned c = 0; c < allowed.size(); ++c) {
    const char character = static_cast<char>(c);
    allowed[c] = is_digit(character) || is_alpha(character) || character == '-' || character == '.';
  }
  return allowed;
}();

/// Splits host and port; false when the form of a port or of brackets is wrong.
bool split_server_name(std::string_view text, std::string_view& host, std::string_view& port) noexcept {
  std::size_t colon = std::string_view::npos;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) {
      return false;
    }
    if (close + 1 != text.size()) {
      if (text[close + 1] != ':') {
        return false;
      }
      colon = close + 1;
    }
  } else {
    colon = text.find(':');
  }
  host = text.substr(0, colon);
  port = {};
  if (colon == std::string_view::npos) {
    return true;
  }
  port = text.substr(colon + 1);
  if (port.empty() || port.size() > 5) {
    return false;
  }
  for (const char c : port) {
    if (!is_digit(c)) {
      return false;
    }
  }
  return true;
}

[[nodiscard]] bool valid_ipv6(std::string_view address) noexcept {
  if (address.size() < 2 || address.size() > 45) {
    return false;
  }
  char text[46] = {};
  address.copy(text, address.size());
  in6_addr parsed{};
  return inet_pton(AF_INET6, text, &parsed) == 1;
}

[[nodiscard]] bool valid_ipv4(std::string_view address) noexcept {
  int parts = 0;
  while (true) {
    const std::size_t dot = address.find('.');
    const std::string_view part = address.substr(0, dot);
    unsigned value = 0;
    const auto read = std::from_chars(part.data(), part.data() + part.size(), value);
    if (part.empty() || part.size() > 3 || read.ec != std::errc{} || read.ptr != part.data() + part.size() ||
        value > 255) {
      return false;
    }
    ++parts;
    if (dot == std::string_view::npos) {
      return parts == 4;
    }
    address.remove_prefix(dot + 1);
  }
}

/// Any Unicode but NUL; the colon is excluded by where it is searched.
[[nodiscard]] bool valid_opaque(std::string_view text) noexcept {
  return text.find('\0') == std::string_view::npos && json::valid_utf8_prefix(text) == text.size();
}

std::expected<std::size_t, IdentifierError> sigil_and_colon(std::string_view text, char sigil) noexcept {
  if (text.empty()) {
    return std::unexpected(IdentifierError::kEmpty);
  }
  if (text.front() != sigil) {
    return std::unexpected(IdentifierError::kWrongSigil);
  }
  return text.find(':');
}

std::expected<std::uint16_t, IdentifierError> user_id_colon(std::string_view text, Grammar grammar) noexcept {
  const auto colon = sigil_and_colon(text, '@');
  if (!colon) {
    return std::unexpected(colon.error());
  }
  if (*colon == std::string_view::npos) {
    return std::unexpected(IdentifierError::kNoServer);
  }
  const std::string_view localpart = text.substr(1, *colon - 1);
  if (grammar == Grammar::kStrict ? !detail::valid_strict_localpart(localpart) : !valid_opaque(localpart)) {
    return std::unexpected(IdentifierError::kBadLocalpart);
  }
  if (!ServerName::valid(text.substr(*colon + 1))) {
    return std::unexpected(IdentifierError::kBadServerName);
  }
  return static_cast<std::uint16_t>(*colon);
}

std::expected<std::uint16_t, IdentifierError> room_id_colon(std::string_view text) noexcept {
  const auto colon = sigil_and_colon(text, '!');
  if (!colon) {
    return std::unexpected(colon.error());
  }
  const std::string_view opaque = text.substr(1, *colon == std::string_view::npos ? *colon : *colon - 1);
  if (!valid_opaque(opaque) || (opaque.empty() && *colon == std::string_view::npos)) {
    return std::unexpected(IdentifierError::kBadLocalpart);
  }
  if (*colon == std::string_view::npos) {
    return std::uint16_t{0};
  }
  if (!ServerName::valid(text.substr(*colon + 1))) {
    return std::unexpected(IdentifierError::kBadServerName);
  }
  return static_cast<std::uint16_t>(*colon);
}

std::expected<std::uint16_t, IdentifierError> alias_colon(std::string_view text) noexcept {
  const auto colon = sigil_and_colon(text, '#');
  if (!colon) {
    return std::unexpected(colon.error());
  }
  if (*colon == std::string_view::npos) {
    return std::unexpected(IdentifierError::kNoServer);
  }
  if (!valid_opaque(text.substr(1, *colon - 1))) {
    return std::unexpected(IdentifierError::kBadLocalpart);
  }
  if (!ServerName::valid(text.substr(*colon + 1))) {
    return std::unexpected(IdentifierError::kBadServerName);
  }
  return static_cast<std::uint16_t>(*colon);
}

std::expected<void, IdentifierError> event_id_form(std::string_view text) noexcept {
  const auto colon = sigil_and_colon(text, '$');
  if (!colon) {
    return std::unexpected(colon.error());
  }
  if (text.size() < 2 || !valid_opaque(text)) {
    return std::unexpected(IdentifierError::kBadLocalpart);
  }
  return {};
}

}  // namespace

namespace detail {

bool valid_strict_localpart(std::string_view localpart) noexcept {
  if (localpart.empty()) {
    return false;
  }
  for (const char c : localpart) {
    if (!is_digit(c) && !(c >= 'a' && c <= 'z') &&
        std::string_view{"-.=_/+"}.find(c) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

bool user_id_form(std::string_view text) noexcept {
  return user_id_colon(text, Grammar::kHistorical).has_value();
}

bool room_id_form(std::string_view text) noexcept {
  return room_id_colon(text).has_value();
}

bool event_id_form(std::string_view text) noexcept {
  return matrix::event_id_form(text).has_value();
}

}  // namespace detail

std::string_view describe(IdentifierError error) noexcept {
  switch (error) {
    case IdentifierError::kEmpty:
      return "the identifier is empty";
    case IdentifierError::kTooLong:
      return "the identifier is longer than 255 bytes";
    case IdentifierError::kWrongSigil:
      return "the identifier starts with the wrong character";
    case IdentifierError::kNoServer:
      return "the identifier has no server name";
    case IdentifierError::kBadLocalpart:
      return "the identifier has characters that are not allowed";
    case IdentifierError::kBadServerName:
      return "the identifier's server name is malformed";
  }
  return "the identifier is malformed";
}

std::string_view server_part(std::string_view identifier) noexcept {
  const std::size_t colon = identifier.find(':');
  return colon == std::string_view::npos ? std::string_view{} : identifier.substr(colon + 1);
}

bool ServerName::valid(std::string_view text) noexcept {
  std::string_view host;
  std::string_view port;
  if (!split_server_name(text, host, port) || host.empty() || host.size() > 255) {
    return false;
  }
  if (host.starts_with('[')) {
    return valid_ipv6(host.substr(1, host.size() - 2));
  }
  return std::ranges::all_of(host, [](char c) { return kHostCharacters[static_cast<unsigned char>(c)]; });
}

std::expected<ServerName, IdentifierError> ServerName::parse(std::string_view text) {
  if (text.empty()) {
    return std::unexpected(IdentifierError::kEmpty);
  }
  if (text.size() > kMaxIdentifierBytes) {
    return std::unexpected(IdentifierError::kTooLong);
  }
  if (!valid(text)) {
    return std::unexpected(IdentifierError::kBadServerName);
  }
  return ServerName{std::string{text}};
}

std::string_view ServerName::host() const noexcept {
  std::string_view host;
  std::string_view port;
  static_cast<void>(split_server_name(text_, host, port));
  return host;
}

std::optional<std::uint16_t> ServerName::port() const noexcept {
  std::string_view host;
  std::string_view port;
  static_cast<void>(split_server_name(text_, host, port));
  std::uint16_t number = 0;
  const auto read = std::from_chars(port.data(), port.data() + port.size(), number);
  if (port.empty() || read.ec != std::errc{}) {
    return std::nullopt;
  }
  return number;
}

bool ServerName::is_ip_literal() const noexcept {
  const std::string_view name = host();
  return name.starts_with('[') || valid_ipv4(name);
}

std::expected<UserId, IdentifierError> UserId::parse(std::string_view text, Grammar grammar) {
  if (text.size() > kMaxIdentifierBytes) {
    return std::unexpected(IdentifierError::kTooLong);
  }
  const auto colon = user_id_colon(text, grammar);
  if (!colon) {
    return std::unexpected(colon.error());
  }
  return UserId{std::string{text}, *colon};
}

bool UserId::valid(std::string_view text, Grammar grammar) noexcept {
  return text.size() <= kMaxIdentifierBytes && user_id_colon(text, grammar).has_value();
}

std::expected<UserId, IdentifierError> UserId::make(std::string_view localpart, const ServerName& server) {
  std::string text;
  text.reserve(localpart.size() + server.view().size() + 2);
  text += '@';
  text += localpart;
  text += ':';
  text += server.view();
  return parse(text, Grammar::kStrict);
}

std::expected<RoomId, IdentifierError> RoomId::parse(std::string_view text) {
  if (text.size() > kMaxIdentifierBytes) {
    return std::unexpected(IdentifierError::kTooLong);
  }
  const auto colon = room_id_colon(text);
  if (!colon) {
    return std::unexpected(colon.error());
  }
  return RoomId{std::string{text}, *colon};
}

bool RoomId::valid(std::string_view text) noexcept {
  return text.size() <= kMaxIdentifierBytes && room_id_colon(text).has_value();
}

std::expected<RoomId, IdentifierError> RoomId::make(std::string_view opaque, const ServerName& server) {
  std::string text;
  text.reserve(opaque.size() + server.view().size() + 2);
  text += '!';
  text += opaque;
  text += ':';
  text += server.view();
  return parse(text);
}

std::string_view RoomId::opaque() const noexcept {
  return colon_ == 0 ? view().substr(1) : view().substr(1, colon_ - 1U);
}

std::optional<std::string_view> RoomId::server() const noexcept {
  if (colon_ == 0) {
    return std::nullopt;
  }
  return view().substr(colon_ + 1U);
}

std::expected<EventId, IdentifierError> EventId::parse(std::string_view text) {
  if (text.size() > kMaxIdentifierBytes) {
    return std::unexpected(IdentifierError::kTooLong);
  }
  if (const auto form = event_id_form(text); !form) {
    return std::unexpected(form.error());
  }
  return EventId{std::string{text}};
}

bool EventId::valid(std::string_view text) noexcept {
  return text.size() <= kMaxIdentifierBytes && event_id_form(text).has_value();
}

std::optional<std::string_view> EventId::server() const noexcept {
  if (text_.find(':') == std::string::npos) {
    return std::nullopt;
  }
  return server_part(text_);
}

std::expected<RoomAlias, IdentifierError> RoomAlias::parse(std::string_view text) {
  if (text.size() > kMaxIdentifierBytes) {
    return std::unexpected(IdentifierError::kTooLong);
  }
  const auto colon = alias_colon(text);
  if (!colon) {
    return std::unexpected(colon.error());
  }
  return RoomAlias{std::string{text}, *colon};
}

bool RoomAlias::valid(std::string_view text) noexcept {
  return text.size() <= kMaxIdentifierBytes && alias_colon(text).has_value();
}

std::expected<DeviceId, IdentifierError> DeviceId::parse(std::string_view text) {
  if (text.empty()) {
    return std::unexpected(IdentifierError::kEmpty);
  }
  if (text.size() > kMaxIdentifierBytes) {
    return std::unexpected(IdentifierError::kTooLong);
  }
  if (!valid_opaque(text)) {
    return std::unexpected(IdentifierError::kBadLocalpart);
  }
  return DeviceId{std::string{text}};
}

}  // namespace lares::matrix
