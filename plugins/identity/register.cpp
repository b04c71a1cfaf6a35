// SPDX-License-Identifier: Apache-2.0
#include <lares/async/runtime.hpp>
#include <lares/base/strings.hpp>
#include <lares/crypto/hash.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/service/newcomers.hpp>
#include <lares/storage/transaction.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

#include "endpoints.hpp"
#include "password_policy.hpp"

namespace lares::identity {

using http::Access;
using http::Anyone;
using http::Method;
using http::Request;
using http::Response;
using nlohmann::json;

namespace {

constexpr storage::Statement kUseNonce{
    "INSERT INTO registration_nonces (nonce, created_ts) VALUES ($1, $2) ON CONFLICT DO NOTHING"};
constexpr std::size_t kNonceLetters = 32;
constexpr std::int64_t kNonceLifetimeMs = 60'000;
// Clients begin more dialogues than they end: a first one only shows them the flows.
constexpr double kDialogueCost = 0.5;

// Accounts that are made, by address. What comes before an account is counted apart, or there would be none
// left for the account itself.
service::Limiter& account_limit(const Shared& shared) {
  return shared.server.services().get<service::RateLimiter>().limiter("rc_registration");
}

json session_json(const Shared& shared, const matrix::UserId& user, const Session& session) {
  json body = {{"user_id", user.str()},
               {"home_server", shared.server.name()},
               {"access_token", session.access_token},
               {"device_id", session.device_id}};
  if (session.refresh_token) {
    body["refresh_token"] = *session.refresh_token;
  }
  if (session.expires_in_ms) {
    body["expires_in_ms"] = *session.expires_in_ms;
  }
  return body;
}

matrix::UserId new_user(const Shared& shared, const std::string& localpart) {
  if (localpart.starts_with('_') &&
      !shared.server.config()->boolean("allow_underscore_prefixed_registration")) {
    throw http::MatrixError(400, "M_INVALID_USERNAME", "A user name does not begin with an underscore.");
  }
  auto user = matrix::UserId::make(localpart, shared.keys.server_name());
  if (!user) {
    throw http::MatrixError(
        400, "M_INVALID_USERNAME",
        "A user name consists of the characters a-z, 0-9 and ._=-/+, and is at most 255 bytes "
        "long with the server's name.");
  }
  return std::move(*user);
}

Task<void> refuse_taken(Shared& shared, matrix::UserId user) {
  if (co_await shared.accounts.find(std::move(user))) {
    throw http::MatrixError(400, "M_USER_IN_USE", "This user name is taken.");
  }
}

void count_registration(const Shared& shared, std::string_view guest) {
  shared.registrations.at({shared.server.name(), guest, "false", ""}).add();
}

Task<void> welcome(Shared& shared, matrix::UserId user, bool guest) {
  if (auto* const newcomers = shared.server.services().find<service::Newcomers>()) {
    co_await newcomers->welcome(std::move(user), guest);
  }
}

Task<Response> finish(Shared& shared, NewAccount account, std::string password, SessionOptions options,
                      bool log_in) {
  const matrix::UserId user = account.user;
  const bool admin = account.admin;
  if (!password.empty()) {
    account.password_hash = co_await shared.passwords.hash(std::move(password));
  }
  if (!co_await shared.accounts.create(std::move(account))) {
    throw http::MatrixError(400, "M_USER_IN_USE", "This user name is taken.");
  }
  count_registration(shared, "false");
  shared.log.info("Registered {}{}.", user.view(), admin ? ", an administrator" : "");
  co_await welcome(shared, user, false);
  if (!log_in) {
    co_return Response::json({{"user_id", user.str()}, {"home_server", shared.server.name()}});
  }
  const std::optional<AccountRow> row = co_await shared.accounts.find(user);
  const Session session = co_await shared.accounts.log_in(row->account, std::move(options));
  co_return Response::json(session_json(shared, user, session));
}

// What a registration has to show: a token, agreement to documents, or nothing.
std::pair<Flow, json> stages(const Config& config) {
  Flow flow;
  json params = json::object();
  if (config.boolean("registration_requires_token")) {
    flow.emplace_back(kRegistrationTokenStage);
  }
  if (const json& terms = config.get("registration_terms"); !terms.empty()) {
    flow.emplace_back("m.login.terms");
    json& policies = params["m.login.terms"]["policies"] = json::object();
    for (const auto& [name, document] : terms.items()) {
      policies[name] = {{"version", document["version"]},
                        {"en", {{"name", document["name"]}, {"url", document["url"]}}}};
    }
  }
  if (flow.empty()) {
    flow.emplace_back("m.login.dummy");
  }
  return {std::move(flow), std::move(params)};
}

Task<Uia::Outcome> dialogue(Shared& shared, const Config& config, Request& request) {
  const json& body = request.json();
  const auto auth = body.find("auth");
  if (auth == body.end() || !auth->is_object() || !auth->contains("session")) {
    // Each is a row for a day.
    account_limit(shared).take("dialogue " + std::string{request.client_ip()}, kDialogueCost);
  }
  auto [flow, params] = stages(config);
  std::vector<Flow> flows{std::move(flow)};
  co_return co_await shared.uia.step(
      body, std::move(flows), "register", 0, params.dump(),
      [&shared, &request](const std::string& type, const json& auth,
                          const std::string& session) -> Task<bool> {
        if (type != kRegistrationTokenStage) {
          co_return true;
        }
        std::string token = required_string(auth, "token");
        shared.server.services()
            .get<service::RateLimiter>()
            .limiter("rc_registration_token_validity")
            .take(request.client_ip());
        if (!co_await shared.tokens.claim(std::move(token), session, shared.server.runtime().now_ms())) {
          throw http::MatrixError(401, "M_UNAUTHORIZED", "This registration token does not hold.");
        }
        co_return true;
      });
}

/// POST /register. spec: Client-Server API, "Account registration"
Task<Response> post_register(Shared& shared, Request& request) {
  // Whose turn it is not is told so before the dialogue, which takes nothing of what accounts take.
  account_limit(shared).check(request.client_ip());
  refuse_while_disabled(*shared.server.config());
  const json& body = request.json();
  const std::string kind = request.query("kind").value_or("user");
  if (kind == "guest") {
    if (!shared.server.config()->boolean("allow_guest_access")) {
      throw http::forbidden("This server does not admit guests.");
    }
    SessionOptions options;
    options.display_name = session_options(body).display_name;
    const std::string localpart =
        "guest-" + to_lower_ascii(crypto::random_alphanumeric(shared.server.runtime(), 16));
    matrix::UserId user = new_user(shared, localpart);
    NewAccount account{.user = user, .password_hash = {}, .guest = true, .admin = false, .token_session = {}};
    request.shield_from_cancellation();
    account_limit(shared).take(request.client_ip());
    (void)co_await shared.accounts.create(std::move(account));
    count_registration(shared, "true");
    co_await welcome(shared, user, true);
    const std::optional<AccountRow> row = co_await shared.accounts.find(user);
    const Session session = co_await shared.accounts.log_in(row->account, std::move(options));
    co_return Response::json(session_json(shared, user, session));
  }
  if (kind != "user") {
    throw http::MatrixError(400, "M_UNKNOWN", "Accounts are of the kind user or guest.");
  }
  if (!shared.server.config()->boolean("enable_registration")) {
    throw http::forbidden("Registration has been disabled. Ask the administrator for an account.");
  }
  const std::optional<std::string> username = optional_string(body, "username");
  const ConfigPtr config = shared.server.config();
  const std::optional<std::string> password = optional_string(body, "password");
  if (password && !password->empty()) {
    check_new_password(*config, *password);
  }
  SessionOptions options = session_options(body);
  std::optional<matrix::UserId> user;
  if (username) {
    user = new_user(shared, to_lower_ascii(*username));
    if (!config->boolean("inhibit_user_in_use_error")) {
      co_await refuse_taken(shared, *user);
    }
  }
  Uia::Outcome outcome = co_await dialogue(shared, *config, request);
  if (!outcome.passed) {
    co_return std::move(outcome.answer);
  }
  if (!password || password->empty()) {
    throw http::missing_param("A password is missing.");
  }
  if (!user) {
    user = new_user(shared, to_lower_ascii(crypto::random_alphanumeric(shared.server.runtime(), 12)));
  }
  const bool log_in = !body.value("inhibit_login", false);
  request.shield_from_cancellation();
  account_limit(shared).take(request.client_ip());
  NewAccount account{
      .user = std::move(*user), .password_hash = {}, .guest = false, .admin = false, .token_session = {}};
  if (config->boolean("registration_requires_token")) {
    account.token_session = outcome.session;
  }
  co_return co_await finish(shared, std::move(account), *password, std::move(options), log_in);
}

/// GET /register/available
Task<Response> get_available(Shared& shared, Request& request) {
  if (!shared.server.config()->boolean("enable_registration")) {
    throw http::forbidden("Registration has been disabled. Ask the administrator for an account.");
  }
  const std::optional<std::string> username = request.query("username");
  if (!username) {
    throw http::missing_param("The parameter 'username' is missing.");
  }
  matrix::UserId user = new_user(shared, to_lower_ascii(*username));
  account_limit(shared).take("name " + std::string{request.client_ip()});
  if (!shared.server.config()->boolean("inhibit_user_in_use_error")) {
    co_await refuse_taken(shared, std::move(user));
  }
  co_return Response::json_text(R"({"available":true})");
}

std::string shared_secret(const Shared& shared) {
  std::string secret = shared.server.config()->string("registration_shared_secret");
  if (secret.empty()) {
    throw http::MatrixError(400, "M_UNKNOWN", "Shared secret registration is not enabled.");
  }
  return secret;
}

// A nonce says by itself when it was given out: strangers may ask for as many as they like, and nothing is
// written before one comes back from who knows the secret. Of which it tells nothing: whoever could hold
// guesses against it would find a short one.
std::string nonce_of(const Shared& shared, const std::string& time_and_letters) {
  const crypto::Ed25519Signature signature =
      shared.keys.signing_key().sign("registration nonce " + time_and_letters);
  return time_and_letters + "." + crypto::hex_encode(signature);
}

// When it was given out, if it was.
std::optional<std::int64_t> time_of(const Shared& shared, const std::string& nonce) {
  const std::string time_and_letters = nonce.substr(0, std::min(nonce.rfind('.'), nonce.size()));
  if (!crypto::equal_constant_time(nonce_of(shared, time_and_letters), nonce)) {
    return std::nullopt;
  }
  return parse_int64(std::string_view{time_and_letters}.substr(0, time_and_letters.find('.')));
}

/// GET /_synapse/admin/v1/register: a nonce for one registration within a minute.
Task<Response> get_nonce(Shared& shared, Request&) {
  (void)shared_secret(shared);
  const std::string time = std::to_string(shared.server.runtime().now_ms());
  const std::string letters = crypto::random_alphanumeric(shared.server.runtime(), kNonceLetters);
  co_return Response::json({{"nonce", nonce_of(shared, time + "." + letters)}});
}

http::MatrixError unknown_nonce() {
  return {400, "M_UNKNOWN", "The nonce is not known here."};
}

/// POST /_synapse/admin/v1/register
Task<Response> post_shared_secret(Shared& shared, Request& request) {
  const std::string secret = shared_secret(shared);
  const json& body = request.json();
  const std::string nonce = required_string(body, "nonce");
  const std::string username = required_string(body, "username");
  const std::string password = required_string(body, "password");
  const std::string mac = required_string(body, "mac");
  const bool admin = body.value("admin", false);
  if (password.size() > kLongestPassword) {
    throw http::invalid_param("A password is at most 512 bytes long.");
  }
  const std::optional<std::int64_t> given_out = time_of(shared, nonce);
  if (!given_out || *given_out <= shared.server.runtime().now_ms() - kNonceLifetimeMs) {
    throw unknown_nonce();
  }
  std::string signed_text = nonce;
  for (const std::string_view part : {std::string_view{username}, std::string_view{password},
                                      admin ? std::string_view{"admin"} : "notadmin"}) {
    signed_text += '\0';
    signed_text += part;
  }
  if (const std::optional<std::string> type = optional_string(body, "user_type")) {
    signed_text += '\0';
    signed_text += *type;
  }
  const crypto::Sha1Digest digest = crypto::hmac_sha1(secret, signed_text);
  if (!crypto::equal_constant_time(crypto::hex_encode(digest), to_lower_ascii(mac))) {
    throw http::forbidden("HMAC incorrect");
  }
  const bool fresh = co_await shared.database.write(
      "use_registration_nonce", [&nonce, &given_out](storage::WriteTransaction& tx) {
        return tx.exec(kUseNonce, std::string_view{nonce}, *given_out) == 1;
      });
  if (!fresh) {
    throw unknown_nonce();
  }
  matrix::UserId user = new_user(shared, to_lower_ascii(username));
  co_await refuse_taken(shared, user);
  const bool log_in = !body.value("inhibit_login", false);
  request.shield_from_cancellation();
  NewAccount account{
      .user = std::move(user), .password_hash = {}, .guest = false, .admin = admin, .token_session = {}};
  SessionOptions options;
  co_return co_await finish(shared, std::move(account), password, std::move(options), log_in);
}

}  // namespace

void add_register(Shared& shared) {
  http::Router& router = shared.server.router();
  router.add<Access::Public>(
      Method::Post, http::client_paths("/register"),
      {.name = "RegisterRestServlet", .spec = "Client-Server API, Account registration"},
      [&shared](const Anyone&, Request& request) { return post_register(shared, request); });
  router.add<Access::Public>(
      Method::Get, http::client_paths("/register/available"), {.name = "UsernameAvailabilityRestServlet"},
      [&shared](const Anyone&, Request& request) { return get_available(shared, request); });
  router.add<Access::Public>(
      Method::Get, {"/_synapse/admin/v1/register"}, {.name = "UserRegisterServlet"},
      [&shared](const Anyone&, Request& request) { return get_nonce(shared, request); });
  router.add<Access::Public>(
      Method::Post, {"/_synapse/admin/v1/register"}, {.name = "UserRegisterServlet"},
      [&shared](const Anyone&, Request& request) { return post_shared_secret(shared, request); });
}

}  // namespace lares::identity
