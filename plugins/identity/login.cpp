// SPDX-License-Identifier: Apache-2.0
#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>

#include <nlohmann/json.hpp>

#include "endpoints.hpp"
#include "password_policy.hpp"

namespace lares::identity {

using http::Access;
using http::Anyone;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;
using nlohmann::json;

namespace {

/// GET /login. spec: Client-Server API, "Login"
Task<Response> get_login(Shared& shared, Request&) {
  if (!password_use(*shared.server.config()).log_in) {
    co_return Response::json_text(R"({"flows":[]})");
  }
  co_return Response::json_text(R"({"flows":[{"type":"m.login.password"}]})");
}

std::string user_of_login(const json& body) {
  const auto identifier = body.find("identifier");
  if (identifier == body.end()) {
    return required_string(body, "user");
  }
  if (!identifier->is_object()) {
    throw http::bad_json("The identifier is not an object.");
  }
  const std::string type = required_string(*identifier, "type");
  if (type != "m.id.user") {
    throw http::MatrixError(403, "M_FORBIDDEN",
                            "Log in with a user name: addresses are not linked to accounts here.");
  }
  return required_string(*identifier, "user");
}

// The hash that stands for the password from now on. What stands there when it was changed meanwhile is
// another password, or the same that another login has hashed anew.
Task<std::string> rehash(Shared& shared, AccountRow account, std::string password) {
  std::string hash = co_await shared.passwords.hash(password);
  if (co_await shared.accounts.replace_password(account.account, account.password_hash, hash)) {
    co_return hash;
  }
  std::optional<AccountRow> now = co_await shared.accounts.find(account.user);
  const std::string stored = now ? std::move(now->password_hash) : std::string{};
  const Passwords::Check check = co_await shared.passwords.check(std::move(password), stored);
  if (!check.right) {
    throw http::forbidden("Invalid username or password");
  }
  co_return stored;
}

/// POST /login
Task<Response> post_login(Shared& shared, Request& request) {
  const json& body = request.json();
  const std::string type = required_string(body, "type");
  if (type != "m.login.password" || !password_use(*shared.server.config()).log_in) {
    throw http::MatrixError(400, "M_UNKNOWN", "This kind of login is not offered.");
  }
  matrix::UserId user = user_named(shared, user_of_login(body));
  std::optional<AccountRow> account = co_await shared.accounts.find(user);
  if (!account) {
    user = in_small_letters(user);
    account = co_await shared.accounts.find(user);
  }
  const std::string password = required_string(body, "password");
  SessionOptions options = session_options(body);
  service::RateLimiter& limits = shared.server.services().get<service::RateLimiter>();
  service::Limiter& failures = limits.limiter("rc_login.failed_attempts");
  service::Limiter& logins = limits.limiter("rc_login.account");
  // What is counted is not judged again by the gate, which would count it twice.
  request.shield_from_cancellation();
  // Who guesses at a password is not to use up the logins of the one who knows it.
  logins.check(user.view());
  // Before the password is looked at, so that guesses at the same time are counted too.
  failures.take(user.view());

  const bool usable = account && !account->deactivated && !account->password_hash.empty();
  const Passwords::Check check =
      co_await shared.passwords.check(password, usable ? account->password_hash : "");
  if (!usable || !check.right) {
    if (account && account->deactivated) {
      throw http::MatrixError(403, "M_USER_DEACTIVATED", "This account has been deactivated.");
    }
    throw http::forbidden("Invalid username or password");
  }
  (void)failures.try_take(user.view(), -1);
  if (!account->admin) {
    refuse_while_disabled(*shared.server.config());
  }
  logins.take(user.view());
  options.password_hash = account->password_hash;
  if (check.upgrade) {
    options.password_hash = co_await rehash(shared, *account, password);
  }
  const Session session = co_await shared.accounts.log_in(account->account, std::move(options));
  shared.logins.at({shared.server.name(), "false", ""}).add();
  json answer = {{"user_id", user.str()},
                 {"access_token", session.access_token},
                 {"device_id", session.device_id},
                 {"home_server", shared.server.name()}};
  if (session.refresh_token) {
    answer["refresh_token"] = *session.refresh_token;
  }
  if (session.expires_in_ms) {
    answer["expires_in_ms"] = *session.expires_in_ms;
  }
  const std::string base_url = shared.server.config()->string("public_baseurl");
  if (!base_url.empty()) {
    answer["well_known"] = {{"m.homeserver", {{"base_url", base_url}}}};
  }
  co_return Response::json(answer);
}

Task<Response> post_refresh(Shared& shared, Request& request) {
  std::string token = required_string(request.json(), "refresh_token");
  request.shield_from_cancellation();
  const Session session = co_await shared.accounts.refresh(std::move(token));
  json answer = {{"access_token", session.access_token}, {"refresh_token", *session.refresh_token}};
  if (session.expires_in_ms) {
    answer["expires_in_ms"] = *session.expires_in_ms;
  }
  co_return Response::json(answer);
}

Task<Response> post_logout(Shared& shared, const Requester& requester, Request& request) {
  request.shield_from_cancellation();
  co_await shared.accounts.log_out(requester.account());
  co_return Response::empty_object();
}

Task<Response> post_logout_all(Shared& shared, const Requester& requester, Request& request) {
  request.shield_from_cancellation();
  co_await shared.accounts.log_out_all(requester.account().user_number, std::nullopt);
  co_return Response::empty_object();
}

}  // namespace

void add_login(Shared& shared) {
  http::Router& router = shared.server.router();
  router.add<Access::Public>(
      Method::Get, http::client_paths("/login"), {.name = "LoginRestServlet"},
      [&shared](const Anyone&, Request& request) { return get_login(shared, request); });
  router.add<Access::Public>(
      Method::Post, http::client_paths("/login"),
      {.name = "LoginRestServlet", .rate_limit = "rc_login.address"},
      [&shared](const Anyone&, Request& request) { return post_login(shared, request); });
  router.add<Access::Public>(
      Method::Post, http::client_paths("/refresh", {"v3"}), {.name = "RefreshTokenServlet"},
      [&shared](const Anyone&, Request& request) { return post_refresh(shared, request); });
  router.add<Access::Guest>(Method::Post, http::client_paths("/logout"),
                            {.name = "LogoutRestServlet", .allow_locked = true, .body_optional = true},
                            [&shared](const Requester& requester, Request& request) {
                              return post_logout(shared, requester, request);
                            });
  router.add<Access::Guest>(Method::Post, http::client_paths("/logout/all"),
                            {.name = "LogoutAllRestServlet", .allow_locked = true, .body_optional = true},
                            [&shared](const Requester& requester, Request& request) {
                              return post_logout_all(shared, requester, request);
                            });
}

}  // namespace lares::identity
