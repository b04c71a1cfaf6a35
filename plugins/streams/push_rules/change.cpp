// SPDX-License-Identifier: Apache-2.0
#include "change.hpp"

#include <lares/http/matrix_error.hpp>
#include <lares/json/value.hpp>
#include <lares/json/writer.hpp>

#include <nlohmann/json.hpp>

namespace lares::push_rules {

using matrix::PushRuleError;
using matrix::PushRuleset;
using storage::Bytes;
using storage::Row;
using storage::Statement;

namespace {

constexpr Statement kFind{"SELECT rules FROM push_rulesets WHERE owner = $1"};
constexpr Statement kPut{
    "INSERT INTO push_rulesets (owner, rules, position, writer) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (owner) DO UPDATE SET rules = excluded.rules, position = excluded.position, "
    "writer = excluded.writer"};

std::expected<void, matrix::PushRuleRefusal> apply(PushRuleset& rules, const Change& change) {
  switch (change.action) {
    case Change::Action::kPut: {
      auto done = rules.put(change.kind, change.rule, change.before, change.after);
      if (!done && done.error().error == PushRuleError::kNoSuchAnchor) {
        // It was there when the client was answered for; the rule goes where new ones go.
        return rules.put(change.kind, change.rule);
      }
      return done;
    }
    case Change::Action::kDelete:
      rules.remove(change.kind, change.rule.rule_id);
      return {};
    case Change::Action::kEnable:
    case Change::Action::kDisable:
      rules.set_enabled(change.kind, change.rule.rule_id, change.action == Change::Action::kEnable);
      return {};
    case Change::Action::kSetActions: {
      auto done = rules.set_actions(change.kind, change.rule.rule_id, change.rule.actions);
      if (!done && done.error().error == PushRuleError::kNoSuchRule) {
        return {};
      }
      return done;
    }
  }
  return {};
}

}  // namespace

void throw_refusal(const matrix::PushRuleRefusal& refusal) {
  switch (refusal.error) {
    case PushRuleError::kNoSuchAnchor:
      throw http::unknown(refusal.sentence);
    case PushRuleError::kNoSuchRule:
      throw http::not_found(refusal.sentence);
    case PushRuleError::kTooMany:
      throw http::MatrixError(400, "M_TOO_LARGE", refusal.sentence);
    case PushRuleError::kBadRule:
      break;
  }
  throw http::invalid_param(refusal.sentence);
}

void store(storage::WriteTransaction& tx, const Change& change, stream::WriterNumber writer,
           std::int64_t position) {
  std::optional<PushRuleset> rules;
  tx.maybe(kFind, change.user, [&rules](const Row& row) { rules = PushRuleset::parse(row.bytes(0)); });
  if (!rules) {
    rules.emplace();
  }
  if (const auto done = apply(*rules, change); !done) {
    throw_refusal(done.error());
  }
  const std::string text = rules->text();
  tx.exec(kPut, change.user, Bytes{text}, position, static_cast<std::int64_t>(writer));
}

std::string row_of(std::string_view user_id) {
  std::string out;
  json::Writer{out}.begin_array().value(user_id).end_array();
  return out;
}

std::string user_of_row(const std::string& json) {
  for (const json::Value value : json::Value{json}.elements()) {
    return value.to_string().value_or("");
  }
  return {};
}

std::string encode(const Change& change) {
  return nlohmann::json{{"action", static_cast<int>(change.action)},
                        {"user_id", change.user_id},
                        {"kind", static_cast<int>(change.kind)},
                        {"rule_id", change.rule.rule_id},
                        {"pattern", change.rule.pattern},
                        {"conditions", change.rule.conditions},
                        {"actions", change.rule.actions},
                        {"before", change.before},
                        {"after", change.after}}
      .dump();
}

Change decode(const std::string& text) {
  const auto object = nlohmann::json::parse(text);
  Change change;
  change.action = static_cast<Change::Action>(object.at("action").get<int>());
  change.user_id = object.at("user_id").get<std::string>();
  change.kind = static_cast<matrix::PushRuleKind>(object.at("kind").get<int>());
  change.rule.rule_id = object.at("rule_id").get<std::string>();
  change.rule.pattern = object.at("pattern").get<std::string>();
  change.rule.conditions = object.at("conditions").get<std::string>();
  change.rule.actions = object.at("actions").get<std::string>();
  change.before = object.at("before").get<std::string>();
  change.after = object.at("after").get<std::string>();
  return change;
}

Task<void> number(storage::Interner& interner, Change& change) {
  change.user = co_await interner.intern_user(change.user_id);
}

}  // namespace lares::push_rules
