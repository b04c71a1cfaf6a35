// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace lares::matrix {

class Event;

/// Why a text is no identifier.
enum class IdentifierError : std::uint8_t {
  kEmpty,
  kTooLong,        ///< more than 255 bytes, sigil and server name included
  kWrongSigil,     ///< does not start with the sigil of its kind
  kNoServer,       ///< the colon and the server name are missing
  kBadLocalpart,   ///< a character that the grammar of the local part does not have
  kBadServerName,  ///< neither host name, IPv4 nor [IPv6], with an optional port
};

/// A short English sentence without a full stop.
[[nodiscard]] LARES_EXPORT std::string_view describe(IdentifierError error) noexcept;

/// Longest identifier, in bytes.
inline constexpr std::size_t kMaxIdentifierBytes = 255;

/// Which grammar a parser holds a text to.
enum class Grammar : std::uint8_t {
  /// What exists in rooms: user ids of the historical grammar, room aliases and opaque ids with any
  /// characters but
  /// NUL, and no surrogates. What arrives from other servers and from the database.
  kHistorical,
  /// What may be created today.
  kStrict,
};

/// The name of a homeserver: host name or IP literal, with an optional port. Compared as written
/// (case-sensitive).
///
/// spec: Appendices, "Server Name"
class LARES_EXPORT ServerName {
 public:
  [[nodiscard]] static std::expected<ServerName, IdentifierError> parse(std::string_view text);
  [[nodiscard]] static bool valid(std::string_view text) noexcept;

  [[nodiscard]] std::string_view view() const noexcept { return text_; }
  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  /// The host without port; IPv6 with its brackets.
  [[nodiscard]] std::string_view host() const noexcept;
  [[nodiscard]] std::optional<std::uint16_t> port() const noexcept;
  /// An IPv4 address, or an IPv6 address in brackets.
  [[nodiscard]] bool is_ip_literal() const noexcept;

  auto operator<=>(const ServerName&) const = default;
  bool operator==(const ServerName&) const = default;

 private:
  explicit ServerName(std::string text) : text_{std::move(text)} {}

  std::string text_;
};

/// `@localpart:server`.
///
/// spec: Appendices, "User Identifiers" and "Historical User IDs"
class LARES_EXPORT UserId {
 public:
  [[nodiscard]] static std::expected<UserId, IdentifierError> parse(std::string_view text,
                                                                    Grammar grammar = Grammar::kHistorical);
  [[nodiscard]] static bool valid(std::string_view text, Grammar grammar = Grammar::kHistorical) noexcept;
  /// Puts a user id together; the local part is held to today's grammar.
  [[nodiscard]] static std::expected<UserId, IdentifierError> make(std::string_view localpart,
                                                                   const ServerName& server);

  [[nodiscard]] std::string_view view() const noexcept { return text_; }
  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  [[nodiscard]] std::string_view localpart() const noexcept { return view().substr(1, colon_ - 1U); }
  [[nodiscard]] std::string_view server() const noexcept { return view().substr(colon_ + 1U); }

  auto operator<=>(const UserId& other) const noexcept { return text_ <=> other.text_; }
  bool operator==(const UserId& other) const noexcept { return text_ == other.text_; }

 private:
  friend class Event;  // whose texts have been checked, and in old versions may be longer

  UserId(std::string text, std::uint16_t colon) : text_{std::move(text)}, colon_{colon} {}

  std::string text_;
  std::uint16_t colon_;
};

/// `!opaque:server`, or in rooms whose id is the hash of their create event `!hash` without a server.
///
/// spec: Appendices, "Room IDs"; Room Version 12, "Room IDs"
class LARES_EXPORT RoomId {
 public:
  [[nodiscard]] static std::expected<RoomId, IdentifierError> parse(std::string_view text);
  [[nodiscard]] static bool valid(std::string_view text) noexcept;
  /// `!opaque:server`.
  [[nodiscard]] static std::expected<RoomId, IdentifierError> make(std::string_view opaque,
                                                                   const ServerName& server);

  [[nodiscard]] std::string_view view() const noexcept { return text_; }
  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  /// What stands between the sigil and the colon, or the end.
  [[nodiscard]] std::string_view opaque() const noexcept;
  /// The server part; nothing in rooms whose id is a hash. It says where a room was made, and nothing about
  /// who is in it.
  [[nodiscard]] std::optional<std::string_view> server() const noexcept;

  auto operator<=>(const RoomId& other) const noexcept { return text_ <=> other.text_; }
  bool operator==(const RoomId& other) const noexcept { return text_ == other.text_; }

 private:
  friend class Event;  // whose texts have been checked, and in old versions may be longer

  RoomId(std::string text, std::uint16_t colon) : text_{std::move(text)}, colon_{colon} {}

  std::string text_;
  std::uint16_t colon_;  // 0: no server
};

/// `$opaque:server` in room versions 1 and 2, `$hash` from version 3 on.
///
/// spec: Appendices, "Event IDs"
class LARES_EXPORT EventId {
 public:
  [[nodiscard]] static std::expected<EventId, IdentifierError> parse(std::string_view text);
  [[nodiscard]] static bool valid(std::string_view text) noexcept;

  [[nodiscard]] std::string_view view() const noexcept { return text_; }
  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  /// The server part; nothing when the id is a hash.
  [[nodiscard]] std::optional<std::string_view> server() const noexcept;

  auto operator<=>(const EventId& other) const noexcept { return text_ <=> other.text_; }
  bool operator==(const EventId& other) const noexcept { return text_ == other.text_; }

 private:
  friend class Event;  // whose texts have been checked, and in old versions may be longer

  explicit EventId(std::string text) : text_{std::move(text)} {}

  std::string text_;
};

/// `#alias:server`.
///
/// spec: Appendices, "Room Aliases"
class LARES_EXPORT RoomAlias {
 public:
  [[nodiscard]] static std::expected<RoomAlias, IdentifierError> parse(std::string_view text);
  [[nodiscard]] static bool valid(std::string_view text) noexcept;

  [[nodiscard]] std::string_view view() const noexcept { return text_; }
  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  [[nodiscard]] std::string_view localpart() const noexcept { return view().substr(1, colon_ - 1U); }
  [[nodiscard]] std::string_view server() const noexcept { return view().substr(colon_ + 1U); }

  auto operator<=>(const RoomAlias& other) const noexcept { return text_ <=> other.text_; }
  bool operator==(const RoomAlias& other) const noexcept { return text_ == other.text_; }

 private:
  RoomAlias(std::string text, std::uint16_t colon) : text_{std::move(text)}, colon_{colon} {}

  std::string text_;
  std::uint16_t colon_;
};

/// A device of one user: opaque text without NUL, at most 255 bytes here.
class LARES_EXPORT DeviceId {
 public:
  [[nodiscard]] static std::expected<DeviceId, IdentifierError> parse(std::string_view text);

  [[nodiscard]] std::string_view view() const noexcept { return text_; }
  [[nodiscard]] const std::string& str() const noexcept { return text_; }

  auto operator<=>(const DeviceId&) const = default;
  bool operator==(const DeviceId&) const = default;

 private:
  explicit DeviceId(std::string text) : text_{std::move(text)} {}

  std::string text_;
};

/// The server part of a user id, room alias, or event id of room versions 1 and 2: what follows the first
/// colon; empty when there is none. For texts whose form has been checked.
[[nodiscard]] LARES_EXPORT std::string_view server_part(std::string_view identifier) noexcept;

/// Hashes identifiers and plain texts alike, so that containers keyed by identifiers are searched by
/// string_view.
///
///     std::unordered_map<UserId, T, IdentifierHash, IdentifierEqual>
struct IdentifierHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  template <class Id>
    requires requires(const Id& id) { id.view(); }
  std::size_t operator()(const Id& id) const noexcept {
    return std::hash<std::string_view>{}(id.view());
  }
};

struct IdentifierEqual {
  using is_transparent = void;
  template <class A, class B>
  bool operator()(const A& a, const B& b) const noexcept {
    return text_of(a) == text_of(b);
  }

 private:
  template <class T>
  static std::string_view text_of(const T& value) noexcept {
    if constexpr (std::is_convertible_v<const T&, std::string_view>) {
      return value;
    } else {
      return value.view();
    }
  }
};

}  // namespace lares::matrix

template <>
struct std::hash<lares::matrix::ServerName> : lares::matrix::IdentifierHash {};
template <>
struct std::hash<lares::matrix::UserId> : lares::matrix::IdentifierHash {};
template <>
struct std::hash<lares::matrix::RoomId> : lares::matrix::IdentifierHash {};
template <>
struct std::hash<lares::matrix::EventId> : lares::matrix::IdentifierHash {};
template <>
struct std::hash<lares::matrix::RoomAlias> : lares::matrix::IdentifierHash {};
template <>
struct std::hash<lares::matrix::DeviceId> : lares::matrix::IdentifierHash {};
