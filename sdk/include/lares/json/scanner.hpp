// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace lares::json {

/// Why a text was refused.
enum class ErrorCode : std::uint8_t {
  kEmpty,             ///< nothing but white space
  kUnexpectedEnd,     ///< the text ends inside a value
  kUnexpectedByte,    ///< a byte that cannot stand here
  kTrailingBytes,     ///< something follows the value
  kBadLiteral,        ///< neither true, false nor null
  kBadNumber,         ///< not a number by the grammar of JSON
  kNotAnInteger,      ///< a fraction or an exponent where only integers are allowed
  kIntegerRange,      ///< outside -(2^53 - 1) .. 2^53 - 1
  kControlCharacter,  ///< an unescaped control character in a string
  kBadEscape,         ///< an unknown or unfinished escape
  kLoneSurrogate,     ///< \\uD800 .. \\uDFFF without its partner
  kInvalidUtf8,       ///< bytes that are not UTF-8 (overlong, surrogate, beyond U+10FFFF, cut short)
  kDuplicateKey,      ///< two members of one object have the same name
  kTooDeep,           ///< nested beyond ScanOptions::max_depth
  kTooLarge,          ///< longer than ScanOptions::max_bytes
  kNotAnObject,       ///< a text that had to be an object is something else
};

/// What was wrong, and at which byte of the input.
struct Error {
  ErrorCode code{};
  std::size_t offset = 0;

  bool operator==(const Error&) const = default;
};

/// A short English sentence without a full stop, for logs and for the message of M_NOT_JSON and M_BAD_JSON.
[[nodiscard]] LARES_EXPORT std::string_view describe(ErrorCode code) noexcept;

/// True when the text is not JSON at all (M_NOT_JSON), false when it is JSON that a stricter rule refuses
/// (M_BAD_JSON).
[[nodiscard]] LARES_EXPORT bool is_syntax_error(ErrorCode code) noexcept;

/// Which numbers are let through.
enum class Numbers : std::uint8_t {
  /// Integers as canonical JSON writes them, within +-(2^53 - 1); "-0" counts as 0. Room versions 6 and
  /// later.
  kIntegers,
  /// Also "1.0" and "1e10", when their value is an integer in range; canonical output prints the integer.
  kIntegerValues,
  /// Whatever JSON allows. Canonical output keeps integers of any size, and prints other numbers as the
  /// shortest
  /// text that reads back as the same double, in the notation that other servers have used in room versions 1
  /// to 5.
  kAny,
};

/// What a scan refuses.
struct ScanOptions {
  Numbers numbers = Numbers::kIntegers;
  /// Nesting of objects and arrays; the outermost one counts as 1. Never above kMaxDepth.
  std::uint32_t max_depth = 512;
  /// Bytes of input. Never above 2^32 - 1.
  std::size_t max_bytes = 64U * 1024U * 1024U;
  /// The outermost value has to be an object.
  bool require_object = false;
};

/// No text is ever scanned deeper than this.
inline constexpr std::uint32_t kMaxDepth = 4096;

/// Checks that a text is one JSON value in valid UTF-8 without duplicate keys and within `options`.
///
/// Keys are compared after their escapes have been resolved. The time is linear but for the sorting of keys
/// within each object. After success a json::Value over the same bytes may be read without further checks.
///
/// **Errors** the first offence in the order of the text; a duplicate key is reported at the end of its
/// object.
[[nodiscard]] LARES_EXPORT std::expected<void, Error> scan(std::string_view text,
                                                           const ScanOptions& options = {});

/// The bytes of UTF-8 that are valid from the start of `text`; equal to text.size() when all of it is.
[[nodiscard]] LARES_EXPORT std::size_t valid_utf8_prefix(std::string_view text) noexcept;

}  // namespace lares::json
