// SPDX-License-Identifier: Apache-2.0
#include "room_settings.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace lares::push_rules {

using matrix::PushRule;
using matrix::PushRuleKind;
using matrix::PushRuleset;
using nlohmann::json;

namespace {

bool replace_room(std::string& text, const service::RoomSuccession& rooms) {
  const std::size_t at = text.find(rooms.from_id);
  if (at == std::string::npos) {
    return false;
  }
  text.replace(at, rooms.from_id.size(), rooms.to_id);
  return true;
}

// A rule of the room that is replaced, as it is for the new one: of kind "room", or one that clients make to
// mute a room, whose condition names it. Nothing if it is about something else.
std::optional<PushRule> follow(PushRuleKind kind, const PushRule& rule,
                               const service::RoomSuccession& rooms) {
  PushRule next = rule;
  if (!replace_room(next.rule_id, rooms)) {
    return std::nullopt;
  }
  if (kind == PushRuleKind::kRoom) {
    return next;
  }
  json conditions = json::parse(rule.conditions);
  bool of_room = false;
  for (json& condition : conditions) {
    const bool names_room = condition.is_object() && condition.value("key", json()) == "room_id" &&
                            (condition.value("pattern", json()) == rooms.from_id ||
                             condition.value("value", json()) == rooms.from_id);
    if (names_room) {
      condition[condition.contains("pattern") ? "pattern" : "value"] = rooms.to_id;
      of_room = true;
    }
  }
  if (!of_room) {
    return std::nullopt;
  }
  next.conditions = conditions.dump();
  return next;
}

}  // namespace

Task<std::string> RoomSettings::content(std::int64_t user, std::string user_id) {
  const UserRulesPtr rules = co_await shared_.rules.rules(user);
  const PushRuleset ruleset = rules ? rules->ruleset : PushRuleset{};
  std::string out;
  ruleset.append_json(out, user_id);
  co_return out;
}

Task<void> RoomSettings::carry_over(std::int64_t user, std::string user_id, service::RoomSuccession rooms) {
  const UserRulesPtr rules = co_await shared_.rules.rules_now(user);
  if (!rules) {
    co_return;
  }
  std::vector<Change> changes;
  for (const PushRuleKind kind : {PushRuleKind::kOverride, PushRuleKind::kRoom, PushRuleKind::kUnderride}) {
    for (const PushRule& rule : rules->ruleset.own(kind)) {
      std::optional<PushRule> next = follow(kind, rule, rooms);
      if (!next || rules->ruleset.find(kind, next->rule_id, user_id)) {
        continue;
      }
      Change change{.action = Change::Action::kPut,
                    .user = user,
                    .user_id = user_id,
                    .kind = kind,
                    .rule = std::move(*next),
                    .before = {},
                    .after = {}};
      changes.push_back(change);
      if (!rule.enabled) {
        change.action = Change::Action::kDisable;
        changes.push_back(std::move(change));
      }
    }
  }
  for (Change& change : changes) {
    std::string key = user_id;
    co_await shared_.writer.write(std::move(key), std::move(change));
  }
}

}  // namespace lares::push_rules
