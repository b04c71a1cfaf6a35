// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lares::crypto {

/// The two alphabets that Matrix uses, both written without padding.
///
/// spec: Appendices, "Unpadded Base64"; Room Version 4, "Event IDs"
enum class Base64 : std::uint8_t {
  kStandard,  ///< + and /
  kUrlSafe,   ///< - and _
};

/// Unpadded base64 of `bytes`.
[[nodiscard]] LARES_EXPORT std::string base64_encode(std::span<const std::uint8_t> bytes,
                                                     Base64 alphabet = Base64::kStandard);

/// The same, appended to `out`.
LARES_EXPORT void base64_append(std::string& out, std::span<const std::uint8_t> bytes,
                                Base64 alphabet = Base64::kStandard);

/// How strict a decoder is.
enum class Base64Decoding : std::uint8_t {
  /// Padding may be there or not, and unused bits of the last character may be set: what other servers send.
  kLenient,
  /// The exact text that base64_encode gives.
  kStrict,
};

/// The bytes of a base64 text; nothing when it is not one.
[[nodiscard]] LARES_EXPORT std::optional<std::string> base64_decode(
    std::string_view text, Base64 alphabet = Base64::kStandard,
    Base64Decoding decoding = Base64Decoding::kLenient);

/// Decodes exactly out.size() bytes into `out`; false when the text has another length or is not base64.
[[nodiscard]] LARES_EXPORT bool base64_decode_to(std::span<std::uint8_t> out, std::string_view text,
                                                 Base64 alphabet = Base64::kStandard,
                                                 Base64Decoding decoding = Base64Decoding::kLenient) noexcept;

}  // namespace lares::crypto
