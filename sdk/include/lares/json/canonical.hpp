// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/json/scanner.hpp>

#include <expected>
#include <string>
#include <string_view>

namespace lares::json {

/// Checks a text as json::scan does and gives it in canonical form: no white space, members sorted by the
/// code points of their names, strings with as few escapes as possible.
///
/// A text that is canonical already is copied in one piece.
///
/// spec: Appendices, "Canonical JSON"
[[nodiscard]] LARES_EXPORT std::expected<std::string, Error> canonicalise(std::string_view text,
                                                                          const ScanOptions& options = {});

/// The same, appended to `out`, whose storage callers may keep from text to text. On error `out` is as it
/// was.
[[nodiscard]] LARES_EXPORT std::expected<void, Error> canonicalise_to(std::string& out, std::string_view text,
                                                                      const ScanOptions& options = {});

/// Whether a text is canonical JSON byte for byte, strict integers included.
[[nodiscard]] LARES_EXPORT bool is_canonical(std::string_view text);

}  // namespace lares::json
