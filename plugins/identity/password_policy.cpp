// SPDX-License-Identifier: Apache-2.0
#include "password_policy.hpp"

#include <lares/http/matrix_error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

namespace lares::identity {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_symbol(char c) {
  return !is_digit(c) && !is_lower(c) && !is_upper(c);
}

}  // namespace

std::int64_t characters(std::string_view text) {
  return std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
}

PasswordUse password_use(const Config& config) {
  if (!config.boolean("password_config.localdb_enabled")) {
    return {.log_in = false, .reproof = false};
  }
  const nlohmann::json& enabled = config.get("password_config.enabled");
  const std::string text = enabled.is_string() ? enabled.get<std::string>() : enabled.dump();
  return {.log_in = text == "true", .reproof = text != "false"};
}

void check_new_password(const Config& config, std::string_view password) {
  if (password.empty() || password.size() > kLongestPassword) {
    throw http::invalid_param("A password is 1 to 512 bytes long.");
  }
  if (!config.boolean("password_config.policy.enabled")) {
    return;
  }
  const auto refuse = [](const char* errcode, const std::string& sentence) {
    throw http::MatrixError(400, errcode, sentence);
  };
  const auto lacks = [&config, password](const char* key, bool (*is)(char)) {
    return config.boolean(key) && std::ranges::none_of(password, is);
  };
  const std::int64_t shortest = config.integer("password_config.policy.minimum_length");
  if (characters(password) < shortest) {
    refuse("M_PASSWORD_TOO_SHORT",
           "A password is at least " + std::to_string(shortest) + " characters long here.");
  }
  if (lacks("password_config.policy.require_digit", is_digit)) {
    refuse("M_PASSWORD_NO_DIGIT", "A password has a digit in it here.");
  }
  if (lacks("password_config.policy.require_symbol", is_symbol)) {
    refuse("M_PASSWORD_NO_SYMBOL", "A password has something else than letters and digits in it here.");
  }
  if (lacks("password_config.policy.require_uppercase", is_upper)) {
    refuse("M_PASSWORD_NO_UPPERCASE", "A password has a capital letter in it here.");
  }
  if (lacks("password_config.policy.require_lowercase", is_lower)) {
    refuse("M_PASSWORD_NO_LOWERCASE", "A password has a small letter in it here.");
  }
}

}  // namespace lares::identity
