// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lares::matrix {

/// `mxc://server/media`: where media lies.
///
/// spec: Client-Server API, "Matrix Content (mxc://) URIs"
struct MxcUri {
  std::string server;    ///< a well-formed server name
  std::string media_id;  ///< letters, digits, `-` and `_`

  /// Nothing for what is no such URI, and for anything that could be taken for a path.
  [[nodiscard]] LARES_EXPORT static std::optional<MxcUri> parse(std::string_view text);
  [[nodiscard]] LARES_EXPORT std::string text() const;
  /// The rule for a media id alone.
  [[nodiscard]] LARES_EXPORT static bool valid_media_id(std::string_view media_id) noexcept;
  bool operator==(const MxcUri&) const = default;
};

/// What a link asks the client to do.
enum class MatrixUriAction : std::uint8_t { kNone, kJoin, kChat };

/// A link to a user, a room or an event: a `matrix:` URI, or one of matrix.to.
///
/// spec: Appendices, "Matrix URI scheme", "matrix.to navigation"
struct MatrixUri {
  /// Longest text that is looked at, and most servers that are kept.
  static constexpr std::size_t kMaxBytes = 4096;
  static constexpr std::size_t kMaxVia = 20;

  std::string identifier;               ///< with its sigil: a user id, room id or room alias
  std::optional<std::string> event_id;  ///< in a room
  std::vector<std::string> via;         ///< well-formed server names
  MatrixUriAction action = MatrixUriAction::kNone;

  /// Either form; the historical words of the scheme (`user`, `room`, `event`) are read, too. Nothing for
  /// what is neither, or does not name a well-formed identifier.
  [[nodiscard]] LARES_EXPORT static std::optional<MatrixUri> parse(std::string_view text);
  /// `matrix:u/alice:example.org?action=chat`
  [[nodiscard]] LARES_EXPORT std::string scheme_text() const;
  /// `https://matrix.to/#/%40alice%3Aexample.org`
  [[nodiscard]] LARES_EXPORT std::string matrix_to_text() const;
  bool operator==(const MatrixUri&) const = default;
};

}  // namespace lares::matrix
