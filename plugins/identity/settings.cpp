// SPDX-License-Identifier: Apache-2.0
#include "settings.hpp"

#include <lares/plugin/declarations.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <utility>

namespace lares::identity {

namespace {

std::optional<std::int64_t> lifetime(const Config& config, std::string_view path) {
  const nlohmann::json& value = config.get(path);
  return value.is_null() ? std::nullopt : std::optional{value.get<std::int64_t>()};
}

}  // namespace

void declare_settings(Declarations& declarations) {
  declarations.config({.path = "enable_registration",
                       .type = ConfigType::Bool,
                       .default_value = "false",
                       .meaning = "Whether anyone may register an account.",
                       .reload = Reload::Live});
  declarations.config({.path = "disable_registration",
                       .type = ConfigType::Bool,
                       .default_value = "null",
                       .meaning =
                           "The older opposite of enable_registration, before which it goes where it is "
                           "set.",
                       .reload = Reload::Live});
  declarations.config({.path = "inhibit_user_in_use_error",
                       .type = ConfigType::Bool,
                       .default_value = "false",
                       .meaning = "Whether registration tells only at its end that a name is taken.",
                       .reload = Reload::Live});
  declarations.config({.path = "enable_registration_without_verification",
                       .type = ConfigType::Bool,
                       .default_value = "false",
                       .meaning =
                           "Confirms that anyone may register without any proof: open registration without "
                           "tokens is refused without it.",
                       .reload = Reload::Live});
  declarations.config({.path = "registrations_require_3pid",
                       .type = ConfigType::Strings,
                       .default_value = "[]",
                       .meaning =
                           "Addresses that registration would ask for; not offered in this version, and "
                           "therefore refused where registration is open.",
                       .reload = Reload::Live});
  declarations.config({.path = "enable_registration_captcha",
                       .type = ConfigType::Bool,
                       .default_value = "false",
                       .meaning =
                           "Whether registration would ask for a captcha; not offered in this version, "
                           "and therefore refused where registration is open.",
                       .reload = Reload::Live});
  declarations.config({.path = "allow_underscore_prefixed_registration",
                       .type = ConfigType::Bool,
                       .default_value = "false",
                       .meaning = "Whether a user name may begin with an underscore.",
                       .reload = Reload::Live});
  declarations.config({.path = "registration_requires_token",
                       .type = ConfigType::Bool,
                       .default_value = "false",
                       .meaning = "Whether registration asks for a token that an administrator has made.",
                       .reload = Reload::Live});
  declarations.config({.path = "registration_terms",
                       .type = ConfigType::Map,
                       .default_value = "{}",
                       .meaning = "Documents that whoever registers has to accept, by a name of your choice.",
                       .reload = Reload::Live});
  declarations.config({.path = "registration_terms.*.version",
                       .type = ConfigType::String,
                       .default_value = "\"1\"",
                       .meaning = "The document's version."});
  declarations.config({.path = "registration_terms.*.name",
                       .type = ConfigType::String,
                       .meaning = "The document's name, as clients show it."});
  declarations.config({.path = "registration_terms.*.url",
                       .type = ConfigType::String,
                       .meaning = "Where the document can be read."});
  declarations.config({.path = "allow_guest_access",
                       .type = ConfigType::Bool,
                       .default_value = "false",
                       .meaning = "Whether guests may use the server without an account.",
                       .reload = Reload::Live});
  declarations.config({.path = "registration_shared_secret",
                       .type = ConfigType::String,
                       .default_value = "null",
                       .meaning = "Lets whoever knows it register accounts, administrators among them.",
                       .reload = Reload::Live,
                       .secret = true});
  declarations.config({.path = "hs_disabled",
                       .type = ConfigType::Bool,
                       .default_value = "false",
                       .meaning = "Whether the server turns everybody away but its administrators.",
                       .reload = Reload::Live});
  declarations.config({.path = "hs_disabled_message",
                       .type = ConfigType::String,
                       .default_value = "Homeserver is currently blocked",
                       .meaning = "What those are told who are turned away.",
                       .reload = Reload::Live});
  declarations.config(
      {.path = "admin_contact",
       .type = ConfigType::String,
       .default_value = "null",
       .meaning = "How to reach the administrator, as a URI, told to those who are turned away.",
       .reload = Reload::Live});
  declarations.config({.path = "enable_set_displayname",
                       .type = ConfigType::Bool,
                       .default_value = "true",
                       .meaning = "Whether users may change a display name that they have.",
                       .reload = Reload::Live});
  declarations.config({.path = "enable_set_avatar_url",
                       .type = ConfigType::Bool,
                       .default_value = "true",
                       .meaning = "Whether users may change an avatar that they have.",
                       .reload = Reload::Live});
  declarations.config({.path = "require_auth_for_profile_requests",
                       .type = ConfigType::Bool,
                       .default_value = "false",
                       .meaning = "Whether profiles are shown to users of this server alone."});
  declarations.config(
      {.path = "limit_profile_requests_to_users_who_share_rooms",
       .type = ConfigType::Bool,
       .default_value = "false",
       .meaning = "Whether a profile is shown to those alone who are in a room with its user."});
  declarations.config({.path = "password_config.enabled",
                       .type = ConfigType::Any,
                       .default_value = "true",
                       .meaning = "Whether users log in by password: true, false, or only_for_reauth, which "
                                  "asks for it where somebody shows again who they are.",
                       .reload = Reload::Live,
                       .allowed = {"true", "false", "only_for_reauth"}});
  declarations.config({.path = "password_config.localdb_enabled",
                       .type = ConfigType::Bool,
                       .default_value = "true",
                       .meaning = "Whether the passwords that are kept here are accepted.",
                       .reload = Reload::Live});
  declarations.config({.path = "password_config.pepper",
                       .type = ConfigType::String,
                       .default_value = "null",
                       .meaning = "A secret that goes into every password's hash; whoever changes it makes "
                                  "all passwords wrong.",
                       .secret = true});
  declarations.config({.path = "password_config.policy.enabled",
                       .type = ConfigType::Bool,
                       .default_value = "false",
                       .meaning = "Whether new passwords are held to the rules below.",
                       .reload = Reload::Live});
  declarations.config({.path = "password_config.policy.minimum_length",
                       .type = ConfigType::Integer,
                       .default_value = "0",
                       .meaning = "Characters that a new password has at least.",
                       .reload = Reload::Live,
                       .minimum = 0,
                       .maximum = 128});
  declarations.config({.path = "password_config.policy.require_digit",
                       .type = ConfigType::Bool,
                       .default_value = "false",
                       .meaning = "Whether a new password has a digit in it.",
                       .reload = Reload::Live});
  declarations.config({.path = "password_config.policy.require_symbol",
                       .type = ConfigType::Bool,
                       .default_value = "false",
                       .meaning = "Whether a new password has something else than letters and digits in it.",
                       .reload = Reload::Live});
  declarations.config({.path = "password_config.policy.require_lowercase",
                       .type = ConfigType::Bool,
                       .default_value = "false",
                       .meaning = "Whether a new password has a small letter in it.",
                       .reload = Reload::Live});
  declarations.config({.path = "password_config.policy.require_uppercase",
                       .type = ConfigType::Bool,
                       .default_value = "false",
                       .meaning = "Whether a new password has a capital letter in it.",
                       .reload = Reload::Live});
  declarations.config({.path = "ui_auth.session_timeout",
                       .type = ConfigType::Duration,
                       .default_value = "0",
                       .meaning = "For how long after showing who they are users are not asked again; a new "
                                  "password and the end of an account are asked for always.",
                       .reload = Reload::Live,
                       .minimum = 0});
  for (const auto& [path, meaning] : std::initializer_list<std::pair<const char*, const char*>>{
           {"session_lifetime",
            "How long an access token holds where the client cannot refresh it; null for ever."},
           {"nonrefreshable_access_token_lifetime", "The same under its newer name; the shorter one holds."},
           {"refresh_token_lifetime",
            "How long a refresh token holds while it is not used; null for ever."}}) {
    declarations.config(
        {.path = path, .type = ConfigType::Duration, .default_value = "null", .meaning = meaning});
  }
  declarations.config({.path = "refreshable_access_token_lifetime",
                       .type = ConfigType::Duration,
                       .default_value = "5m",
                       .meaning = "How long an access token holds that its client can refresh."});
  declarations.config({.path = "user_ips_max_age",
                       .type = ConfigType::Duration,
                       .default_value = "28d",
                       .meaning = "How long after its last use a device's address and program are kept; null "
                                  "for ever.",
                       .reload = Reload::Live,
                       .minimum = 1,
                       .nullable = true});
  declarations.config({.path = "password_hash.memory",
                       .type = ConfigType::Size,
                       .default_value = "19M",
                       .meaning = "Memory that hashing one password takes (Argon2id).",
                       .minimum = 8192,
                       .maximum = std::int64_t{1} << 30});
  declarations.config({.path = "password_hash.passes",
                       .type = ConfigType::Integer,
                       .default_value = "2",
                       .meaning = "Passes over that memory.",
                       .minimum = 1,
                       .maximum = 100});
}

TokenLifetimes lifetimes(const Config& config) {
  std::optional<std::int64_t> access = lifetime(config, "session_lifetime");
  if (const auto shorter = lifetime(config, "nonrefreshable_access_token_lifetime")) {
    access = std::min(access.value_or(*shorter), *shorter);
  }
  return {.access_ms = access,
          .refreshable_access_ms = lifetime(config, "refreshable_access_token_lifetime"),
          .refresh_ms = lifetime(config, "refresh_token_lifetime")};
}

PasswordCost password_cost(const Config& config) {
  return {.operations = static_cast<std::uint64_t>(config.integer("password_hash.passes")),
          .memory = config.size("password_hash.memory"),
          .pepper = config.string("password_config.pepper")};
}

}  // namespace lares::identity
