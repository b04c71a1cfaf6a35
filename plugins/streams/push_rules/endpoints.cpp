// SPDX-License-Identifier: Apache-2.0
#include "endpoints.hpp"

#include <lares/http/matrix_error.hpp>
#include <lares/http/router.hpp>

#include <optional>
#include <string>
#include <utility>

namespace lares::push_rules {

using http::Access;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;
using matrix::PushRule;
using matrix::PushRuleKind;
using matrix::PushRuleset;

namespace {

constexpr std::uint64_t kMostBody = 65'536;

Task<PushRuleset> ruleset_of(Shared& shared, std::int64_t user) {
  const UserRulesPtr rules = co_await shared.rules.rules(user);
  co_return rules ? rules->ruleset : PushRuleset{};
}

// What the cache does not know is looked for in the database before it is denied.
Task<PushRuleset> ruleset_now(Shared& shared, std::int64_t user) {
  const UserRulesPtr rules = co_await shared.rules.rules_now(user);
  co_return rules ? rules->ruleset : PushRuleset{};
}

void check_scope(const Request& request) {
  if (request.param("scope") != "global") {
    throw http::not_found("The only scope of push rules is 'global'.");
  }
}

PushRuleKind kind_of(const Request& request) {
  check_scope(request);
  const std::optional<PushRuleKind> kind = matrix::push_rule_kind(request.param("kind"));
  if (!kind) {
    throw http::not_found("The kinds of push rules are override, content, room, sender and underride.");
  }
  return *kind;
}

http::MatrixError no_such_rule() {
  return http::not_found("The push rule was not found.");
}

Task<PushRule> rule_of(Shared& shared, const Requester& requester, const Request& request) {
  const PushRuleKind kind = kind_of(request);
  const std::string& rule_id = request.param("ruleId");
  const std::int64_t user = requester.account().user_number;
  const std::string_view user_id = requester.user().view();
  const PushRuleset known = co_await ruleset_of(shared, user);
  std::optional<PushRule> rule = known.find(kind, rule_id, user_id);
  if (!rule) {
    const PushRuleset now = co_await ruleset_now(shared, user);
    rule = now.find(kind, rule_id, user_id);
  }
  if (!rule) {
    throw no_such_rule();
  }
  co_return std::move(*rule);
}

Change change_by(const Requester& requester, const Request& request, Change::Action action) {
  Change change;
  change.action = action;
  change.user = requester.account().user_number;
  change.user_id = requester.user().str();
  change.kind = kind_of(request);
  change.rule.rule_id = request.param("ruleId");
  return change;
}

Task<Response> write(Shared& shared, Request& request, Change change) {
  request.shield_from_cancellation();
  std::string key = change.user_id;
  co_await shared.writer.write(std::move(key), std::move(change));
  co_return Response::empty_object();
}

/// GET /pushrules/. spec: Client-Server API, "Push Rules: API"
Task<Response> get_all(Shared& shared, const Requester& requester, Request&) {
  const PushRuleset rules = co_await ruleset_of(shared, requester.account().user_number);
  std::string out;
  rules.append_json(out, requester.user().view());
  co_return Response::json_text(std::move(out));
}

/// GET /pushrules/global/. The slash at the end, which clients send or leave out, gives an empty last part:
/// what stands before it is asked for.
Task<Response> get_global(Shared& shared, const Requester& requester, Request& request) {
  if (request.param("scope").empty()) {
    co_return co_await get_all(shared, requester, request);
  }
  check_scope(request);
  const PushRuleset rules = co_await ruleset_of(shared, requester.account().user_number);
  std::string out;
  rules.append_global(out, requester.user().view());
  co_return Response::json_text(std::move(out));
}

/// GET /pushrules/global/{kind}/, which clients ask for though the specification has given it up.
Task<Response> get_kind(Shared& shared, const Requester& requester, Request& request) {
  if (request.param("kind").empty()) {
    co_return co_await get_global(shared, requester, request);
  }
  const PushRuleKind kind = kind_of(request);
  const PushRuleset rules = co_await ruleset_of(shared, requester.account().user_number);
  std::string out;
  rules.append_kind(out, kind, requester.user().view());
  co_return Response::json_text(std::move(out));
}

/// GET /pushrules/global/{kind}/{ruleId}.
Task<Response> get_rule(Shared& shared, const Requester& requester, Request& request) {
  if (request.param("ruleId").empty()) {
    co_return co_await get_kind(shared, requester, request);
  }
  const PushRule rule = co_await rule_of(shared, requester, request);
  std::string out;
  PushRuleset::append_rule(out, kind_of(request), rule);
  co_return Response::json_text(std::move(out));
}

/// PUT /pushrules/global/{kind}/{ruleId}.
Task<Response> put_rule(Shared& shared, const Requester& requester, Request& request) {
  Change change = change_by(requester, request, Change::Action::kPut);
  auto rule = matrix::read_push_rule(change.kind, change.rule.rule_id, request.json_view().bytes());
  if (!rule) {
    throw_refusal(rule.error());
  }
  change.rule = std::move(*rule);
  change.before = request.query("before").value_or("");
  change.after = request.query("after").value_or("");
  // Tried out on a copy, for the error.
  PushRuleset rules = co_await ruleset_of(shared, change.user);
  auto tried = rules.put(change.kind, change.rule, change.before, change.after);
  if (!tried) {
    rules = co_await ruleset_now(shared, change.user);
    tried = rules.put(change.kind, change.rule, change.before, change.after);
  }
  if (!tried) {
    throw_refusal(tried.error());
  }
  co_return co_await write(shared, request, std::move(change));
}

/// DELETE /pushrules/global/{kind}/{ruleId}.
Task<Response> delete_rule(Shared& shared, const Requester& requester, Request& request) {
  const PushRule rule = co_await rule_of(shared, requester, request);
  if (rule.predefined) {
    throw no_such_rule();
  }
  Change change = change_by(requester, request, Change::Action::kDelete);
  co_return co_await write(shared, request, std::move(change));
}

/// GET /pushrules/global/{kind}/{ruleId}/enabled.
Task<Response> get_enabled(Shared& shared, const Requester& requester, Request& request) {
  const PushRule rule = co_await rule_of(shared, requester, request);
  co_return Response::json_text(rule.enabled ? R"({"enabled":true})" : R"({"enabled":false})");
}

/// PUT /pushrules/global/{kind}/{ruleId}/enabled.
Task<Response> put_enabled(Shared& shared, const Requester& requester, Request& request) {
  const json::Value given = request.json_view()["enabled"];
  if (!given) {
    throw http::missing_param("'enabled' is missing.");
  }
  const std::optional<bool> enabled = given.as_bool();
  if (!enabled) {
    throw http::bad_json("'enabled' is not a boolean.");
  }
  co_await rule_of(shared, requester, request);
  Change change =
      change_by(requester, request, *enabled ? Change::Action::kEnable : Change::Action::kDisable);
  co_return co_await write(shared, request, std::move(change));
}

/// GET /pushrules/global/{kind}/{ruleId}/actions.
Task<Response> get_actions(Shared& shared, const Requester& requester, Request& request) {
  const PushRule rule = co_await rule_of(shared, requester, request);
  co_return Response::json_text(R"({"actions":)" + rule.actions + "}");
}

/// PUT /pushrules/global/{kind}/{ruleId}/actions.
Task<Response> put_actions(Shared& shared, const Requester& requester, Request& request) {
  const json::Value given = request.json_view()["actions"];
  if (!given) {
    throw http::missing_param("'actions' are missing.");
  }
  auto actions = matrix::read_push_actions(given.bytes());
  if (!actions) {
    throw_refusal(actions.error());
  }
  co_await rule_of(shared, requester, request);
  Change change = change_by(requester, request, Change::Action::kSetActions);
  change.rule.actions = std::move(*actions);
  co_return co_await write(shared, request, std::move(change));
}

using Handler = Task<Response> (*)(Shared& shared, const Requester& requester, Request& request);

void add(Shared& shared, Method method, std::vector<std::string> paths, Handler handler) {
  shared.server.router().add<Access::User>(method, std::move(paths),
                                           {.name = "PushRuleRestServlet",
                                            .spec = "Client-Server API, Push Rules",
                                            .shard = "user",
                                            .body_limit = kMostBody},
                                           [&shared, handler](const Requester& requester, Request& request) {
                                             return handler(shared, requester, request);
                                           });
}

std::vector<std::string> paths(std::string_view path) {
  return http::client_paths(path, {"v3", "r0", "unstable"});
}

}  // namespace

void add_endpoints(Shared& shared) {
  add(shared, Method::Get, paths("/pushrules"), &get_all);
  add(shared, Method::Get, paths("/pushrules/{scope}"), &get_global);
  add(shared, Method::Get, paths("/pushrules/{scope}/{kind}"), &get_kind);
  const std::string rule = "/pushrules/{scope}/{kind}/{ruleId}";
  add(shared, Method::Get, paths(rule), &get_rule);
  add(shared, Method::Put, paths(rule), &put_rule);
  add(shared, Method::Delete, paths(rule), &delete_rule);
  add(shared, Method::Get, paths(rule + "/enabled"), &get_enabled);
  add(shared, Method::Put, paths(rule + "/enabled"), &put_enabled);
  add(shared, Method::Get, paths(rule + "/actions"), &get_actions);
  add(shared, Method::Put, paths(rule + "/actions"), &put_actions);
}

}  // namespace lares::push_rules
