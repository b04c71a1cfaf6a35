// SPDX-License-Identifier: Apache-2.0
#include <lares/async/runtime.hpp>
#include <lares/base/strings.hpp>
#include <lares/http/matrix_error.hpp>

#include <nlohmann/json.hpp>

#include "endpoints.hpp"
#include "password_policy.hpp"

namespace lares::identity {

using http::Access;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;
using nlohmann::json;

matrix::UserId user_named(const Shared& shared, std::string name) {
  if (!name.starts_with('@')) {
    name = "@" + name + ":" + shared.server.name();
  }
  auto user = matrix::UserId::parse(name);
  if (!user) {
    throw http::forbidden("Invalid username or password");
  }
  return std::move(*user);
}

matrix::UserId in_small_letters(const matrix::UserId& user) {
  auto small =
      matrix::UserId::parse("@" + to_lower_ascii(user.localpart()) + ":" + std::string{user.server()});
  return small ? std::move(*small) : user;
}

bool means(const Shared& shared, std::string name, const matrix::UserId& user) {
  const matrix::UserId named = user_named(shared, std::move(name));
  return named == user || in_small_letters(named) == user;
}

Uia::Stage password_stage(Shared& shared, matrix::UserId user) {
  return [&shared, user = std::move(user)](const std::string& type, const json& auth,
                                           const std::string&) -> Task<bool> {
    if (type != "m.login.password") {
      co_return false;
    }
    std::string named = user.str();
    if (const auto identifier = auth.find("identifier");
        identifier != auth.end() && identifier->is_object()) {
      named = required_string(*identifier, "user");
    } else if (const std::optional<std::string> plain = optional_string(auth, "user")) {
      named = *plain;
    }
    std::string password = required_string(auth, "password");
    service::Limiter& failures =
        shared.server.services().get<service::RateLimiter>().limiter("rc_login.failed_attempts");
    // Before the password is looked at, so that guesses at the same time are counted too.
    failures.take(user.view());
    const bool self = means(shared, std::move(named), user);
    const std::optional<AccountRow> account = co_await shared.accounts.find(user);
    const Passwords::Check check =
        co_await shared.passwords.check(std::move(password), account && self ? account->password_hash : "");
    if (!check.right) {
      throw http::forbidden("Invalid username or password");
    }
    (void)failures.try_take(user.view(), -1);
    co_return true;
  };
}

namespace {

/// GET /account/whoami. spec: Client-Server API, "Current account information"
Task<Response> get_whoami(const Requester& requester) {
  json answer = {{"user_id", requester.user().str()}, {"is_guest", requester.is_guest()}};
  if (requester.device_id()) {
    answer["device_id"] = *requester.device_id();
  }
  co_return Response::json(answer);
}

/// POST /account/password. spec: Client-Server API, "Password management"
Task<Response> post_password(Shared& shared, const Requester& requester, Request& request) {
  const json& body = request.json();
  if (!password_use(*shared.server.config()).reproof) {
    throw http::forbidden("Passwords are not kept on this server.");
  }
  if (const auto given = body.find("new_password"); given != body.end() && given->is_string()) {
    check_new_password(*shared.server.config(), given->get_ref<const std::string&>());
  }
  // Before the former password is asked for: who proves to know it may have been locked out meanwhile.
  const std::optional<AccountRow> former = co_await shared.accounts.find(requester.user());
  if (std::optional<Response> ask = co_await shared.interactive_auth.step(requester, request, "password")) {
    co_return std::move(*ask);
  }
  std::string password = required_string(body, "new_password");
  const bool log_out_others = body.value("logout_devices", true);
  request.shield_from_cancellation();
  std::string hash = co_await shared.passwords.hash(std::move(password));
  const std::int64_t account = requester.account().user_number;
  if (!former || former->password_hash.empty()) {
    co_await shared.accounts.set_password(account, std::move(hash));
  } else if (!co_await shared.accounts.replace_password(account, former->password_hash, std::move(hash))) {
    throw http::MatrixError(400, "M_UNKNOWN", "The password has been changed meanwhile.");
  }
  if (log_out_others) {
    co_await shared.accounts.log_out_all(requester.account().user_number, requester.device_id());
  }
  co_return Response::empty_object();
}

/// POST /account/deactivate. spec: Client-Server API, "Account deactivation"
Task<Response> post_deactivate(Shared& shared, const Requester& requester, Request& request) {
  if (std::optional<Response> ask = co_await shared.interactive_auth.step(requester, request, "deactivate")) {
    co_return std::move(*ask);
  }
  bool erase = false;
  if (const auto wanted = request.json().find("erase"); wanted != request.json().end()) {
    if (!wanted->is_boolean()) {
      throw http::bad_json("'erase' is not a boolean.");
    }
    erase = wanted->get<bool>();
  }
  request.shield_from_cancellation();
  co_await shared.accounts.deactivate(requester.account().user_number, erase);
  shared.tasks.wake();
  shared.log.info("{} has deactivated the account.", requester.user().view());
  co_return Response::json_text(R"({"id_server_unbind_result":"no-support"})");
}

}  // namespace

void add_account(Shared& shared) {
  http::Router& router = shared.server.router();
  router.add<Access::Guest>(Method::Get, http::client_paths("/account/whoami"), {.name = "WhoamiRestServlet"},
                            [](const Requester& requester, Request&) { return get_whoami(requester); });
  router.add<Access::User>(Method::Post, http::client_paths("/account/password"),
                           {.name = "PasswordRestServlet", .body_optional = true},
                           [&shared](const Requester& requester, Request& request) {
                             return post_password(shared, requester, request);
                           });
  router.add<Access::User>(Method::Post, http::client_paths("/account/deactivate"),
                           {.name = "DeactivateAccountRestServlet", .body_optional = true},
                           [&shared](const Requester& requester, Request& request) {
                             return post_deactivate(shared, requester, request);
                           });
}

}  // namespace lares::identity
