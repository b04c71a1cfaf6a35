// SPDX-License-Identifier: Apache-2.0
#include "interactive_auth.hpp"

#include <lares/http/matrix_error.hpp>

#include <nlohmann/json.hpp>

#include <utility>

#include "endpoints.hpp"

namespace lares::identity {

Task<std::optional<http::Response>> AskAgain::step(const http::Requester& requester, http::Request& request,
                                                   std::string operation) {
  if (requester.account().appservice_id) {
    co_return std::nullopt;
  }
  const nlohmann::json& body = request.json();
  const std::optional<AccountRow> account = co_await shared_.accounts.find(requester.user());
  if (!account || account->password_hash.empty()) {
    throw http::forbidden("This account has no password by which you could prove who you are.");
  }
  std::vector<Flow> flows{{"m.login.password"}};
  Uia::Stage stage = password_stage(shared_, requester.user());
  Uia::Outcome outcome = co_await shared_.uia.step(body, std::move(flows), std::move(operation),
                                                   requester.account().user_number, "{}", std::move(stage));
  if (outcome.passed) {
    co_return std::nullopt;
  }
  co_return std::move(outcome.answer);
}

}  // namespace lares::identity
