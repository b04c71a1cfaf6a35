// SPDX-License-Identifier: Apache-2.0
#include <lares/matrix/push_rules.hpp>
#include <lares/matrix/third_party_id.hpp>

#include <algorithm>
#include <bitset>

#include "push_conditions.hpp"
#include "push_predefined.hpp"

namespace lares::matrix {

namespace {

constexpr std::size_t kMostPredefined = 32;

struct Actions {
  std::string text;
  bool notify = false;
  bool highlight = false;

  explicit Actions(std::string_view array) : text(array) {
    for (const json::Value& action : json::Value{array}.elements()) {
      if (action.equals("notify")) {
        notify = true;
      } else if (action["set_tweak"].equals("highlight")) {
        highlight = action["value"].as_bool().value_or(true);
      }
    }
    highlight = highlight && notify;
  }
};

struct Rule {
  std::string rule_id;
  Actions actions;
  std::vector<PushCondition> conditions;
  bool about_user = false;  // some condition is

  Rule(std::string_view id, std::string_view action_array, std::vector<PushCondition> all)
      : rule_id(id), actions(action_array), conditions(std::move(all)) {
    about_user = std::ranges::any_of(conditions, &PushCondition::about_user);
  }

  [[nodiscard]] PushOutcome outcome() const noexcept { return outcome(actions); }
  [[nodiscard]] PushOutcome outcome(const Actions& instead) const noexcept {
    return {.notify = instead.notify,
            .highlight = instead.highlight,
            .rule_id = rule_id,
            .actions = instead.text};
  }
};

const std::vector<Rule>& compiled_predefined() {
  static const std::vector<Rule> rules = [] {
    std::vector<Rule> made;
    for (const PredefinedPushRule& rule : predefined_push_rules()) {
      std::vector<PushCondition> conditions = read_push_conditions(rule.conditions, true);
      if (rule.kind == PushRuleKind::kContent) {
        conditions.push_back(PushCondition::body(rule.pattern, true));
      }
      made.emplace_back(rule.rule_id, rule.actions, std::move(conditions));
    }
    return made;
  }();
  return rules;
}

bool present(const PredefinedPushRule& rule, PredefinedPushRules which) noexcept {
  return !rule.legacy || which == PredefinedPushRules::kWithLegacyMentions;
}

using Enabled = std::bitset<kMostPredefined>;

Enabled enabled_by_default(PredefinedPushRules which) {
  Enabled enabled;
  const auto rules = predefined_push_rules();
  for (std::size_t i = 0; i < rules.size(); ++i) {
    enabled[i] = rules[i].enabled && present(rules[i], which);
  }
  return enabled;
}

using ById = std::unordered_map<std::string, Rule, IdentifierHash, IdentifierEqual>;

}  // namespace

struct PushRules::State {
  std::string user_id;
  std::vector<Rule> override_rules;
  std::vector<Rule> content_rules;
  std::vector<Rule> underride_rules;
  ById room_rules;
  ById sender_rules;
  Enabled enabled;  // of the predefined rules
  std::vector<std::pair<std::size_t, Actions>> changed_actions;
  bool needs_display_name = false;
  bool needs_power_levels = false;
  bool needs_related_events = false;
  std::size_t memory = 0;

  void note(const Rule& rule) {
    memory += sizeof(Rule) + rule.rule_id.capacity() + rule.actions.text.capacity();
    for (const PushCondition& condition : rule.conditions) {
      memory += condition.memory_bytes();
      needs_display_name = needs_display_name || condition.kind == PushConditionKind::kDisplayName;
      needs_power_levels = needs_power_levels || condition.kind == PushConditionKind::kPermission;
      needs_related_events = needs_related_events || condition.kind == PushConditionKind::kRelatedMatch;
    }
  }
};

PushRules::PushRules(const PushRuleset& ruleset, std::string_view user_id) {
  auto state = std::make_unique<State>();
  state->user_id = user_id;
  for (const PushRuleKind kind : {PushRuleKind::kOverride, PushRuleKind::kUnderride}) {
    std::vector<Rule>& rules =
        kind == PushRuleKind::kOverride ? state->override_rules : state->underride_rules;
    for (const PushRule& rule : ruleset.own(kind)) {
      if (rule.enabled) {
        rules.emplace_back(rule.rule_id, rule.actions, read_push_conditions(rule.conditions, false));
        state->note(rules.back());
      }
    }
  }
  for (const PushRule& rule : ruleset.own(PushRuleKind::kContent)) {
    if (rule.enabled) {
      state->content_rules.emplace_back(rule.rule_id, rule.actions,
                                        std::vector{PushCondition::body(rule.pattern, false)});
      state->note(state->content_rules.back());
    }
  }
  for (const PushRuleKind kind : {PushRuleKind::kRoom, PushRuleKind::kSender}) {
    ById& rules = kind == PushRuleKind::kRoom ? state->room_rules : state->sender_rules;
    for (const PushRule& rule : ruleset.own(kind)) {
      if (rule.enabled) {
        const auto made =
            rules.try_emplace(rule.rule_id, rule.rule_id, rule.actions, std::vector<PushCondition>{});
        state->note(made.first->second);
      }
    }
  }
  const auto predefined = predefined_push_rules();
  state->enabled = enabled_by_default(ruleset.predefined());
  for (std::size_t i = 0; i < predefined.size(); ++i) {
    const auto change = ruleset.changes_.find(predefined[i].rule_id);
    if (!present(predefined[i], ruleset.predefined()) || change == ruleset.changes_.end()) {
      continue;
    }
    state->enabled[i] = change->second.enabled.value_or(predefined[i].enabled);
    if (change->second.actions) {
      state->changed_actions.emplace_back(i, Actions{*change->second.actions});
    }
  }
  for (std::size_t i = 0; i < predefined.size(); ++i) {
    if (state->enabled[i] && predefined[i].legacy) {
      state->note(compiled_predefined()[i]);
    }
  }
  state_ = std::move(state);
}

PushRules::~PushRules() = default;

std::string_view PushRules::user_id() const noexcept {
  return state_->user_id;
}
bool PushRules::needs_display_name() const noexcept {
  return state_->needs_display_name;
}
bool PushRules::needs_power_levels() const noexcept {
  return state_->needs_power_levels;
}
bool PushRules::needs_related_events() const noexcept {
  return state_->needs_related_events;
}
std::size_t PushRules::memory_bytes() const noexcept {
  return sizeof(PushRules) + sizeof(State) + state_->memory;
}

std::vector<PushRelation> push_relations(const Event& event) {
  std::vector<PushRelation> relations;
  const json::Value relates = event.content()["m.relates_to"];
  const auto rel_type = relates["rel_type"].to_string();
  const auto target = relates["event_id"].to_string();
  if (rel_type && target) {
    relations.push_back({.rel_type = *rel_type, .event_id = *target});
  }
  if (const auto reply = relates.at("m.in_reply_to", "event_id").to_string()) {
    relations.push_back({.rel_type = "m.in_reply_to",
                         .event_id = *reply,
                         .fallback = relates["is_falling_back"].as_bool().value_or(false)});
  }
  return relations;
}

struct PushEvent::State {
  enum class Known : std::uint8_t { kUnknown, kNo, kYes };

  State(const Event& event, PushRoom in_room) : properties(event), room(in_room) {}

  Properties properties;
  PushRoom room;
  std::vector<std::pair<PushRelation, Properties>> related;
  std::array<Known, kMostPredefined> decided{};
  std::vector<std::string> mentioned;
  bool mentions_read = false;
  std::optional<PushOutcome> others;

  [[nodiscard]] const Event& event() const noexcept { return properties.event(); }

  void read_mentions() {
    if (mentions_read) {
      return;
    }
    mentions_read = true;
    for (const json::Value& user : event().content().at("m.mentions", "user_ids").elements()) {
      // An empty text would be taken for all those whom the event does not name.
      if (auto text = user.to_string(); text && !text->empty()) {
        mentioned.push_back(std::move(*text));
      }
    }
    std::ranges::sort(mentioned);
    const auto twice = std::ranges::unique(mentioned);
    mentioned.erase(twice.begin(), twice.end());
  }

  [[nodiscard]] bool glob_matches(const PushCondition& condition, const Property& property) const {
    return property.is_string && (condition.words ? condition.glob->matches_words(property.folded)
                                                  : condition.glob->matches(property.folded));
  }

  bool related_matches(const PushCondition& condition) {
    for (auto& [relation, of] : related) {
      if (relation.rel_type == condition.key && (!relation.fallback || condition.include_fallbacks) &&
          (!condition.path || glob_matches(condition, of[*condition.path]))) {
        return true;
      }
    }
    return false;
  }

  [[nodiscard]] bool count_matches(const PushCondition& condition) const noexcept {
    switch (condition.comparison) {
      case '<':
        return room.joined_members < condition.count;
      case '>':
        return room.joined_members > condition.count;
      case 'l':
        return room.joined_members <= condition.count;
      case 'g':
        return room.joined_members >= condition.count;
      default:
        return room.joined_members == condition.count;
    }
  }

  bool body_names(const PushCondition& condition, std::string_view name) {
    const Property& body = properties[*condition.path];
    return body.is_string && !name.empty() && Glob::literal(fold_case(name)).matches_words(body.folded);
  }

  bool holds(const PushCondition& condition, std::string_view user_id, std::string_view display_name) {
    switch (condition.kind) {
      case PushConditionKind::kNever:
        return false;
      case PushConditionKind::kMatch:
        return glob_matches(condition, properties[*condition.path]);
      case PushConditionKind::kMatchUser: {
        const Property& property = properties[*condition.path];
        return property.is_string && !user_id.empty() && property.text == user_id;
      }
      case PushConditionKind::kIs: {
        const Property& property = properties[*condition.path];
        return property.value ? condition.scalar.equals(property.value)
                              : property.is_string && condition.scalar.kind == json::Kind::kString &&
                                    condition.scalar.text == property.text;
      }
      case PushConditionKind::kContains:
        return std::ranges::any_of(
            properties[*condition.path].value.elements(),
            [&condition](const json::Value& element) { return condition.scalar.equals(element); });
      case PushConditionKind::kContainsUser:
        read_mentions();
        return std::ranges::binary_search(mentioned, user_id);
      case PushConditionKind::kDisplayName:
        return body_names(condition, display_name);
      case PushConditionKind::kLocalpart:
        return body_names(condition, localpart_of(user_id));
      case PushConditionKind::kMemberCount:
        return count_matches(condition);
      case PushConditionKind::kPermission:
        return room.power_levels != nullptr &&
               room.power_levels->user(event().sender()) >= room.power_levels->to_notify(condition.key);
      case PushConditionKind::kRelatedMatch:
        return related_matches(condition);
    }
    return false;
  }

  bool matches(const Rule& rule, std::string_view user_id, std::string_view display_name) {
    for (const PushCondition& condition : rule.conditions) {
      if (!holds(condition, user_id, display_name)) {
        return false;
      }
    }
    return true;
  }

  bool predefined_matches(std::size_t index, std::string_view user_id, std::string_view display_name) {
    // Who mentions on purpose is not looked through for names.
    if (predefined_push_rules()[index].legacy && event().content()["m.mentions"]) {
      return false;
    }
    const Rule& rule = compiled_predefined()[index];
    if (rule.about_user) {
      return matches(rule, user_id, display_name);
    }
    Known& known = decided[index];
    if (known == Known::kUnknown) {
      known = matches(rule, user_id, display_name) ? Known::kYes : Known::kNo;
    }
    return known == Known::kYes;
  }

  // The first predefined rule of a kind that matches; kMostPredefined if none does. The master rule is not
  // asked here.
  std::size_t first_predefined(PushRuleKind kind, const Enabled& enabled, std::string_view user_id,
                               std::string_view display_name) {
    const auto rules = predefined_push_rules();
    for (std::size_t i = 1; i < rules.size(); ++i) {
      if (rules[i].kind == kind && enabled[i] && predefined_matches(i, user_id, display_name)) {
        return i;
      }
    }
    return kMostPredefined;
  }
};

PushEvent::PushEvent(const Event& event, PushRoom room, std::span<const RelatedEvent> related)
    : state_(std::make_unique<State>(event, room)) {
  for (const RelatedEvent& one : related) {
    if (one.event) {
      state_->related.emplace_back(one.relation, Properties{*one.event});
    }
  }
}

PushEvent::~PushEvent() = default;

PushOutcome PushEvent::outcome(const PushRules& rules, std::string_view display_name) {
  const PushRules::State& own = *rules.state_;
  State& event = *state_;
  if (event.event().sender() == own.user_id) {
    return {};
  }
  const std::vector<Rule>& predefined = compiled_predefined();
  const auto of_predefined = [&](std::size_t index) {
    const auto changed =
        std::ranges::find(own.changed_actions, index, &std::pair<std::size_t, Actions>::first);
    return changed == own.changed_actions.end() ? predefined[index].outcome()
                                                : predefined[index].outcome(changed->second);
  };
  const auto first_of = [&](const std::vector<Rule>& list) -> const Rule* {
    for (const Rule& rule : list) {
      if (event.matches(rule, own.user_id, display_name)) {
        return &rule;
      }
    }
    return nullptr;
  };
  if (own.enabled[0]) {
    return of_predefined(0);
  }
  struct Step {
    PushRuleKind kind;
    const std::vector<Rule>* rules;
  };
  for (const Step& step :
       {Step{PushRuleKind::kOverride, &own.override_rules}, Step{PushRuleKind::kContent, &own.content_rules},
        Step{PushRuleKind::kRoom, nullptr}, Step{PushRuleKind::kSender, nullptr},
        Step{PushRuleKind::kUnderride, &own.underride_rules}}) {
    if (step.rules == nullptr) {
      const bool of_room = step.kind == PushRuleKind::kRoom;
      const ById& by_id = of_room ? own.room_rules : own.sender_rules;
      const auto found = by_id.find(of_room ? event.event().room_id() : event.event().sender());
      if (found != by_id.end()) {
        return found->second.outcome();
      }
      continue;
    }
    if (const Rule* rule = first_of(*step.rules)) {
      return rule->outcome();
    }
    const std::size_t index = event.first_predefined(step.kind, own.enabled, own.user_id, display_name);
    if (index < kMostPredefined) {
      return of_predefined(index);
    }
  }
  return {};
}

PushOutcome PushEvent::predefined_outcome(std::string_view user_id, std::string_view display_name,
                                          PredefinedPushRules predefined) {
  static const Enabled kCurrent = enabled_by_default(PredefinedPushRules::kCurrent);
  static const Enabled kLegacy = enabled_by_default(PredefinedPushRules::kWithLegacyMentions);
  if (state_->event().sender() == user_id) {
    return {};
  }
  const Enabled& enabled = predefined == PredefinedPushRules::kCurrent ? kCurrent : kLegacy;
  for (const PushRuleKind kind :
       {PushRuleKind::kOverride, PushRuleKind::kContent, PushRuleKind::kUnderride}) {
    const std::size_t index = state_->first_predefined(kind, enabled, user_id, display_name);
    if (index < kMostPredefined) {
      return compiled_predefined()[index].outcome();
    }
  }
  return {};
}

PushOutcome PushEvent::outcome_for_others() {
  if (!state_->others) {
    state_->others = predefined_outcome({});
  }
  return *state_->others;
}

std::span<const std::string> PushEvent::mentions() {
  state_->read_mentions();
  return state_->mentioned;
}

bool PushEvent::mentions_room() {
  return state_->event().content().at("m.mentions", "room").as_bool().value_or(false);
}

}  // namespace lares::matrix
