// SPDX-License-Identifier: Apache-2.0
#include <lares/json/canonical.hpp>
#include <lares/json/scanner.hpp>
#include <lares/json/value.hpp>
#include <lares/json/writer.hpp>
#include <lares/matrix/identifiers.hpp>
#include <lares/matrix/push_ruleset.hpp>

#include <algorithm>

#include "push_predefined.hpp"

namespace lares::matrix {

namespace {

// The name of a kind around its first rule, and of a change around its actions.
constexpr std::size_t kKindOverhead = 512;

constexpr std::array<std::string_view, kPushRuleKinds> kKindNames{"override", "content", "room", "sender",
                                                                  "underride"};

// Of the stored text, and, with some to spare for what is around them there, of what a rule brings.
constexpr std::uint32_t kStoredDepth = 64;
constexpr json::ScanOptions kBrought{.numbers = json::Numbers::kAny, .max_depth = kStoredDepth / 2};

std::unexpected<PushRuleRefusal> bad(std::string sentence) {
  return std::unexpected(PushRuleRefusal{PushRuleError::kBadRule, std::move(sentence)});
}

bool has_conditions(PushRuleKind kind) noexcept {
  return kind == PushRuleKind::kOverride || kind == PushRuleKind::kUnderride;
}

std::string with_user(std::string_view text, std::string_view user_id) {
  std::string quoted;
  json::append_string(quoted, user_id);
  const std::string_view inside = std::string_view{quoted}.substr(1, quoted.size() - 2);
  std::string out;
  for (std::size_t at = 0;;) {
    const std::size_t found = text.find(kUserPlaceholder, at);
    out += text.substr(at, found == std::string_view::npos ? found : found - at);
    if (found == std::string_view::npos) {
      return out;
    }
    out += inside;
    at = found + kUserPlaceholder.size();
  }
}

// What the rule adds to the stored text.
std::size_t weight(PushRuleKind kind, const PushRule& rule) {
  std::string text;
  PushRuleset::append_rule(text, kind, rule);
  return text.size() + 1;
}

std::unexpected<PushRuleRefusal> too_many() {
  return std::unexpected(PushRuleRefusal{PushRuleError::kTooMany, "You have too many push rules."});
}

std::optional<PushRule> read_stored(const json::Value& object) {
  PushRule rule;
  const auto id = object["rule_id"].to_string();
  const json::Value actions = object["actions"];
  if (!id || !actions.is_array()) {
    return std::nullopt;
  }
  rule.rule_id = *id;
  rule.enabled = object["enabled"].as_bool().value_or(true);
  rule.pattern = object["pattern"].to_string().value_or("");
  rule.actions = actions.bytes();
  if (const json::Value conditions = object["conditions"]; conditions.is_array()) {
    rule.conditions = conditions.bytes();
  }
  return rule;
}

}  // namespace

std::string_view push_rule_kind_name(PushRuleKind kind) noexcept {
  return kKindNames[static_cast<std::size_t>(kind)];
}

std::optional<PushRuleKind> push_rule_kind(std::string_view name) noexcept {
  const auto found = std::ranges::find(kKindNames, name);
  if (found == kKindNames.end()) {
    return std::nullopt;
  }
  return static_cast<PushRuleKind>(found - kKindNames.begin());
}

std::expected<std::string, PushRuleRefusal> read_push_actions(std::string_view array) {
  const json::Value actions{array};
  if (!actions.is_array()) {
    return bad("The rule's 'actions' are not a list.");
  }
  std::string out{"["};
  std::size_t count = 0;
  for (const json::Value& action : actions.elements()) {
    // The last two do nothing since long, but clients that set them look for them.
    const bool word = action.equals("notify") || action.equals("dont_notify") || action.equals("coalesce");
    if (!word && !action["set_tweak"].is_string()) {
      return bad("An action is neither \"notify\" nor an object with 'set_tweak'.");
    }
    if (++count > kMaxPushConditions) {
      return bad("A rule has at most 32 actions.");
    }
    const auto canonical = json::canonicalise(action.bytes(), kBrought);
    if (!canonical) {
      return bad("An action is not well-formed JSON, or nests too deeply.");
    }
    out += out.size() > 1 ? "," : "";
    out += *canonical;
  }
  out += ']';
  if (out.size() > kMaxPushRuleBytes) {
    return bad("The rule's actions are too long.");
  }
  return out;
}

std::expected<PushRule, PushRuleRefusal> read_push_rule(PushRuleKind kind, std::string_view rule_id,
                                                        std::string_view body) {
  if (rule_id.empty() || rule_id.size() > kMaxIdentifierBytes) {
    return bad("A rule's id has 1 to 255 bytes.");
  }
  if (rule_id.starts_with('.')) {
    return bad("Ids that begin with a dot are those of predefined rules.");
  }
  if (rule_id.find_first_of("/\\") != std::string_view::npos) {
    return bad("A rule's id has neither slashes nor backslashes.");
  }
  if (json::valid_utf8_prefix(rule_id) != rule_id.size()) {
    return bad("The rule's id is not UTF-8.");
  }
  const json::Value object{body};
  if (!object["actions"]) {
    return bad("The rule has no 'actions'.");
  }
  PushRule rule;
  rule.rule_id = rule_id;
  auto actions = read_push_actions(object["actions"].bytes());
  if (!actions) {
    return std::unexpected(std::move(actions.error()));
  }
  rule.actions = std::move(*actions);
  if (kind == PushRuleKind::kContent) {
    auto pattern = object["pattern"].to_string();
    if (!pattern) {
      return bad("A content rule needs a 'pattern'.");
    }
    if (pattern->size() > kMaxPushPatternBytes) {
      return bad("A pattern has at most 512 bytes.");
    }
    rule.pattern = std::move(*pattern);
  }
  if (has_conditions(kind) && object["conditions"]) {
    const json::Value conditions = object["conditions"];
    if (!conditions.is_array()) {
      return bad("The rule's 'conditions' are not a list.");
    }
    std::size_t count = 0;
    for (const json::Value& condition : conditions.elements()) {
      if (!condition["kind"].is_string()) {
        return bad("A condition has no 'kind'.");
      }
      if (const auto pattern = condition["pattern"].as_string();
          pattern && pattern->raw().size() > kMaxPushPatternBytes) {
        return bad("A pattern has at most 512 bytes.");
      }
      if (++count > kMaxPushConditions) {
        return bad("A rule has at most 32 conditions.");
      }
    }
    const auto canonical = json::canonicalise(conditions.bytes(), kBrought);
    if (!canonical) {
      return bad("The rule's conditions are not well-formed JSON, or nest too deeply.");
    }
    rule.conditions = *canonical;
  }
  if (rule.conditions.size() + rule.actions.size() > kMaxPushRuleBytes) {
    return bad("The rule is too long.");
  }
  return rule;
}

std::optional<PushRuleset> PushRuleset::parse(std::string_view text, PredefinedPushRules predefined) {
  const json::ScanOptions options{.numbers = json::Numbers::kAny,
                                  .max_depth = kStoredDepth,
                                  .max_bytes = kMaxPushRulesetBytes,
                                  .require_object = true};
  if (!json::scan(text, options)) {
    return std::nullopt;
  }
  PushRuleset set{predefined};
  const json::Value object{text};
  for (std::size_t kind = 0; kind < kPushRuleKinds; ++kind) {
    for (const json::Value& element : object[kKindNames[kind]].elements()) {
      std::optional<PushRule> rule = read_stored(element);
      if (!rule || set.size() == kMaxPushRules) {
        return std::nullopt;
      }
      set.own_[kind].push_back(std::move(*rule));
    }
  }
  for (const json::Member& member : object["changes"].members()) {
    Change change;
    change.enabled = member.value["enabled"].as_bool();
    if (const json::Value actions = member.value["actions"]; actions.is_array()) {
      change.actions = actions.bytes();
    }
    set.changes_.insert_or_assign(member.key.decoded(), std::move(change));
  }
  return set;
}

std::string PushRuleset::text() const {
  std::string out;
  json::Writer writer{out};
  writer.begin_object();
  if (!changes_.empty()) {
    writer.key("changes").begin_object();
    for (const auto& [rule_id, change] : changes_) {
      writer.key(rule_id).begin_object();
      if (change.actions) {
        writer.key("actions").raw(*change.actions);
      }
      if (change.enabled) {
        writer.key("enabled").value(*change.enabled);
      }
      writer.end_object();
    }
    writer.end_object();
  }
  for (std::size_t kind = 0; kind < kPushRuleKinds; ++kind) {
    if (own_[kind].empty()) {
      continue;
    }
    writer.key(kKindNames[kind]).begin_array();
    for (const PushRule& rule : own_[kind]) {
      std::string one;
      append_rule(one, static_cast<PushRuleKind>(kind), rule);
      writer.raw(one);
    }
    writer.end_array();
  }
  writer.end_object();
  return out;
}

bool PushRuleset::untouched() const noexcept {
  return size() == 0 && changes_.empty();
}

std::size_t PushRuleset::size() const noexcept {
  std::size_t count = 0;
  for (const std::vector<PushRule>& rules : own_) {
    count += rules.size();
  }
  return count;
}

std::size_t PushRuleset::bytes() const {
  return text().size();
}

std::optional<PushRule> PushRuleset::find(PushRuleKind kind, std::string_view rule_id,
                                          std::string_view user_id) const {
  const std::vector<PushRule>& rules = own(kind);
  if (const auto found = std::ranges::find(rules, rule_id, &PushRule::rule_id); found != rules.end()) {
    return *found;
  }
  for (const PredefinedPushRule& predefined : predefined_push_rules()) {
    if (predefined.kind != kind || predefined.rule_id != rule_id ||
        (predefined.legacy && predefined_ == PredefinedPushRules::kCurrent)) {
      continue;
    }
    PushRule rule;
    rule.rule_id = rule_id;
    rule.enabled = predefined.enabled;
    rule.predefined = true;
    rule.conditions = with_user(predefined.conditions, user_id);
    rule.pattern = predefined.pattern == kLocalpartPlaceholder ? localpart_of(user_id) : predefined.pattern;
    rule.actions = predefined.actions;
    if (const auto change = changes_.find(rule_id); change != changes_.end()) {
      rule.enabled = change->second.enabled.value_or(rule.enabled);
      rule.actions = change->second.actions.value_or(rule.actions);
    }
    return rule;
  }
  return std::nullopt;
}

std::expected<void, PushRuleRefusal> PushRuleset::put(PushRuleKind kind, PushRule rule,
                                                      std::string_view before, std::string_view after) {
  std::vector<PushRule>& rules = own_[static_cast<std::size_t>(kind)];
  const auto there = std::ranges::find(rules, rule.rule_id, &PushRule::rule_id);
  const bool fresh = there == rules.end();
  if ((fresh && size() >= kMaxPushRules) || bytes() + weight(kind, rule) + kKindOverhead >
                                                kMaxPushRulesetBytes + (fresh ? 0 : weight(kind, *there))) {
    return too_many();
  }
  const std::string_view anchor = before.empty() ? after : before;
  if (!anchor.empty() &&
      (anchor == rule.rule_id || std::ranges::find(rules, anchor, &PushRule::rule_id) == rules.end())) {
    return std::unexpected(
        PushRuleRefusal{PushRuleError::kNoSuchAnchor, "before/after rule not found: " + std::string{anchor}});
  }
  if (!fresh) {
    rule.enabled = there->enabled;
    if (anchor.empty()) {
      *there = std::move(rule);
      return {};
    }
    rules.erase(there);
  }
  auto place = rules.begin();
  if (!anchor.empty()) {
    place = std::ranges::find(rules, anchor, &PushRule::rule_id);
    if (before.empty()) {
      ++place;
    }
  }
  rules.insert(place, std::move(rule));
  return {};
}

bool PushRuleset::remove(PushRuleKind kind, std::string_view rule_id) {
  return std::erase_if(own_[static_cast<std::size_t>(kind)],
                       [rule_id](const PushRule& rule) { return rule.rule_id == rule_id; }) != 0;
}

bool PushRuleset::set_enabled(PushRuleKind kind, std::string_view rule_id, bool enabled) {
  std::vector<PushRule>& rules = own_[static_cast<std::size_t>(kind)];
  if (const auto found = std::ranges::find(rules, rule_id, &PushRule::rule_id); found != rules.end()) {
    found->enabled = enabled;
    return true;
  }
  if (!find(kind, rule_id, "@:")) {
    return false;
  }
  changes_[std::string{rule_id}].enabled = enabled;
  return true;
}

std::expected<void, PushRuleRefusal> PushRuleset::set_actions(PushRuleKind kind, std::string_view rule_id,
                                                              std::string actions) {
  std::vector<PushRule>& rules = own_[static_cast<std::size_t>(kind)];
  const auto found = std::ranges::find(rules, rule_id, &PushRule::rule_id);
  if (found == rules.end() && !find(kind, rule_id, "@:")) {
    return std::unexpected(PushRuleRefusal{PushRuleError::kNoSuchRule, "The push rule was not found."});
  }
  if (bytes() + actions.size() + kKindOverhead > kMaxPushRulesetBytes) {
    return too_many();
  }
  if (found != rules.end()) {
    found->actions = std::move(actions);
  } else {
    changes_[std::string{rule_id}].actions = std::move(actions);
  }
  return {};
}

void PushRuleset::append_json(std::string& out, std::string_view user_id) const {
  out += R"({"global":)";
  append_global(out, user_id);
  out += '}';
}

void PushRuleset::append_global(std::string& out, std::string_view user_id) const {
  out += '{';
  for (const PushRuleKind kind : {PushRuleKind::kContent, PushRuleKind::kOverride, PushRuleKind::kRoom,
                                  PushRuleKind::kSender, PushRuleKind::kUnderride}) {
    out += kind == PushRuleKind::kContent ? "\"" : ",\"";
    out += push_rule_kind_name(kind);
    out += "\":";
    append_kind(out, kind, user_id);
  }
  out += '}';
}

void PushRuleset::append_kind(std::string& out, PushRuleKind kind, std::string_view user_id) const {
  out += '[';
  bool first = true;
  const auto append = [&](const PushRule& rule) {
    out += first ? "" : ",";
    first = false;
    append_rule(out, kind, rule);
  };
  const std::span<const PredefinedPushRule> predefined = predefined_push_rules();
  // The master rule stands above what users make.
  if (kind == predefined.front().kind) {
    append(*find(kind, predefined.front().rule_id, user_id));
  }
  for (const PushRule& rule : own(kind)) {
    append(rule);
  }
  for (const PredefinedPushRule& rule : predefined.subspan(1)) {
    if (rule.kind == kind) {
      if (const std::optional<PushRule> found = find(kind, rule.rule_id, user_id)) {
        append(*found);
      }
    }
  }
  out += ']';
}

void PushRuleset::append_rule(std::string& out, PushRuleKind kind, const PushRule& rule) {
  json::Writer writer{out};
  writer.begin_object().key("actions").raw(rule.actions);
  if (has_conditions(kind)) {
    writer.key("conditions").raw(rule.conditions);
  }
  writer.key("default").value(rule.predefined).key("enabled").value(rule.enabled);
  if (kind == PushRuleKind::kContent) {
    writer.key("pattern").value(std::string_view{rule.pattern});
  }
  writer.key("rule_id").value(std::string_view{rule.rule_id}).end_object();
}

}  // namespace lares::matrix
