// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/log.hpp>
#include <lares/base/metrics.hpp>
#include <lares/http/json_fields.hpp>
#include <lares/http/router.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/rate_limiter.hpp>
#include <lares/service/server_keys.hpp>

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <string>

#include "account_tasks.hpp"
#include "accounts.hpp"
#include "interactive_auth.hpp"
#include "passwords.hpp"
#include "profiles.hpp"
#include "registration_tokens.hpp"
#include "uia.hpp"

namespace lares::identity {

using http::optional_string;
using http::required_string;

/// What the endpoints of this plugin share.
struct Shared {
  Server& server;
  storage::Database& database;
  const service::ServerKeys& keys;
  Accounts& accounts;
  Passwords& passwords;
  Profiles& profiles;
  Uia& uia;
  AskAgain& interactive_auth;
  RegistrationTokens& tokens;
  AccountTasks& tasks;
  metrics::Family<metrics::Counter> logins;         ///< by guest, auth_provider
  metrics::Family<metrics::Counter> registrations;  ///< by guest, shadow_banned, auth_provider
  log::Logger log{"lares.identity"};
};

void add_register(Shared& shared);  ///< /register, /register/available, /_synapse/admin/v1/register
void add_registration_tokens(Shared& shared);  ///< /_synapse/admin/v1/registration_tokens, validity
void add_auth_fallback(Shared& shared);        ///< /auth/{authType}/fallback/web
void add_login(Shared& shared);                ///< /login, /logout, /logout/all, /refresh
void add_account(Shared& shared);              ///< /account/whoami, /account/password, /account/deactivate
void add_devices(Shared& shared);              ///< /devices, /delete_devices
void add_profile(Shared& shared);              ///< /profile

/// What a login or registration says of the device that it is for.
/// **Errors**: MatrixError M_INVALID_PARAM for a device id, M_TOO_LARGE for a name that is too long.
[[nodiscard]] SessionOptions session_options(const nlohmann::json& body);
/// The stage m.login.password of the interactive authentication, for an account.
[[nodiscard]] Uia::Stage password_stage(Shared& shared, matrix::UserId user);
/// The user id that a client names as user id or local part. **Errors**: MatrixError M_INVALID_USERNAME.
[[nodiscard]] matrix::UserId user_named(const Shared& shared, std::string name);
/// The same in small letters, which is how accounts are named that were made here.
[[nodiscard]] matrix::UserId in_small_letters(const matrix::UserId& user);
/// Whether a client that types `name` means this user.
[[nodiscard]] bool means(const Shared& shared, std::string name, const matrix::UserId& user);

}  // namespace lares::identity
