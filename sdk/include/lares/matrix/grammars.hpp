// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <optional>
#include <string_view>

namespace lares::matrix {

/// An identifier such as a capability, login type or custom query parameter: begins with a lower-case letter,
/// then lower-case letters, digits, `-`, `_` and `.`; 255 characters at most.
///
/// spec: Appendices, "Common Namespaced Identifier Grammar"
[[nodiscard]] LARES_EXPORT bool valid_namespaced_id(std::string_view text) noexcept;

/// An identifier that nobody reads anything into: letters, digits, `-`, `.`, `_` and `~`; 1 to 255
/// characters.
///
/// spec: Appendices, "Opaque Identifiers"
[[nodiscard]] LARES_EXPORT bool valid_opaque_id(std::string_view text) noexcept;

/// A room version's name: 1 to 32 code points of lower-case letters, digits, `.` and `-`.
///
/// spec: Room Versions, "Room version grammar"
[[nodiscard]] LARES_EXPORT bool valid_room_version_name(std::string_view text) noexcept;

/// `algorithm:identifier` of a key, as in "ed25519:a_1".
struct KeyIdParts {
  std::string_view algorithm;
  std::string_view name;
};
/// Nothing for what has no colon, or an empty side. For signing keys of servers the name has letters, digits
/// and `_` alone.
///
/// spec: Server-Server API, "Publishing Keys"; Client-Server API, "Key algorithms"
[[nodiscard]] LARES_EXPORT std::optional<KeyIdParts> split_key_id(std::string_view text) noexcept;
[[nodiscard]] LARES_EXPORT bool valid_server_key_id(std::string_view text) noexcept;

}  // namespace lares::matrix
