// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace lares::matrix {

/// The one form of an e-mail address that is stored and compared: case folded, domain included. Nothing for
/// what is no address: more than one or no `@`, an empty part, white space or control characters, invalid
/// UTF-8, more than 500 bytes.
///
/// spec: Appendices, "3PID Types", "E-Mail"
[[nodiscard]] LARES_EXPORT std::optional<std::string> canonical_email(std::string_view address);

/// A telephone number as an MSISDN: 4 to 15 digits beginning with a country code, without `+`. Takes `+`,
/// spaces, `-`, `.` and parentheses as people write them in international form.
///
/// spec: Appendices, "3PID Types", "PSTN Phone numbers"
[[nodiscard]] LARES_EXPORT std::optional<std::string> canonical_msisdn(std::string_view number);

/// The canonical form for a medium ("email", "msisdn"); nothing for another medium or a bad address.
[[nodiscard]] LARES_EXPORT std::optional<std::string> canonical_third_party_id(std::string_view medium,
                                                                               std::string_view address);

/// Text folded so that texts which differ by case alone are equal: Unicode's simple folding for the Latin,
/// Greek, Cyrillic and Armenian scripts and full-width letters, and the sharp s. Bytes that are no UTF-8 stay
/// as they are.
[[nodiscard]] LARES_EXPORT std::string fold_case(std::string_view text);

}  // namespace lares::matrix
