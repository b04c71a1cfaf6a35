// SPDX-License-Identifier: Apache-2.0
#include "interactive_auth.hpp"

#include <lares/http/matrix_error.hpp>

#include <nlohmann/json.hpp>

#include <utility>

#include "endpoints.hpp"
#include "password_policy.hpp"

namespace lares::identity {

namespace {

// Somebody else's password proves nothing, so it is not even looked at.
void refuse_another(const Shared& shared, const matrix::UserId& user, const nlohmann::json& body) {
  const auto auth = body.find("auth");
  if (auth == body.end() || !auth->is_object()) {
    return;
  }
  const auto identifier = auth->find("identifier");
  const nlohmann::json& names = identifier != auth->end() && identifier->is_object() ? *identifier : *auth;
  const std::optional<std::string> named = optional_string(names, "user");
  if (named && !means(shared, *named, user)) {
    throw http::forbidden("This is another account than the one that asks.");
  }
}

}  // namespace

Task<std::optional<http::Response>> AskAgain::step(const http::Requester& requester, http::Request& request,
                                                   std::string operation) {
  if (requester.account().appservice_id) {
    co_return std::nullopt;
  }
  const nlohmann::json& body = request.json();
  refuse_another(shared_, requester.user(), body);
  const std::int64_t timeout = shared_.server.config()->duration("ui_auth.session_timeout").count();
  const bool always = operation == "password" || operation == "deactivate";
  if (timeout > 0 && !always && co_await shared_.accounts.proven_within(requester.account(), timeout)) {
    co_return std::nullopt;
  }
  const std::optional<AccountRow> account = co_await shared_.accounts.find(requester.user());
  if (!account || account->password_hash.empty() || !password_use(*shared_.server.config()).reproof) {
    throw http::forbidden("This account has no password by which you could prove who you are.");
  }
  std::vector<Flow> flows{{"m.login.password"}};
  Uia::Stage stage = password_stage(shared_, requester.user());
  Uia::Outcome outcome = co_await shared_.uia.step(body, std::move(flows), std::move(operation),
                                                   requester.account().user_number, "{}", std::move(stage));
  if (outcome.passed) {
    if (timeout > 0) {
      co_await shared_.accounts.proven(requester.account());
    }
    co_return std::nullopt;
  }
  co_return std::move(outcome.answer);
}

}  // namespace lares::identity
