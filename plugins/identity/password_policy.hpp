// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/config.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lares::identity {

/// Longest password that is taken, in bytes.
inline constexpr std::size_t kLongestPassword = 512;

/// What passwords are good for here (`password_config`).
struct PasswordUse {
  bool log_in = true;   ///< a login by password
  bool reproof = true;  ///< showing again who one is, and changing the password
};

[[nodiscard]] PasswordUse password_use(const Config& config);

/// How many characters, not bytes, a text in UTF-8 has.
[[nodiscard]] std::int64_t characters(std::string_view text);

/// Refuses a new password that is empty, too long, or not what `password_config.policy` asks for.
/// **Errors**: MatrixError 400 M_INVALID_PARAM, M_PASSWORD_TOO_SHORT, M_PASSWORD_NO_DIGIT,
/// M_PASSWORD_NO_SYMBOL, M_PASSWORD_NO_LOWERCASE, M_PASSWORD_NO_UPPERCASE.
void check_new_password(const Config& config, std::string_view password);

}  // namespace lares::identity
