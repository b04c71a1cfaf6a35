// SPDX-License-Identifier: Apache-2.0
#include "test_room.hpp"

#include <gtest/gtest.h>
#include <lares/matrix/push_rules.hpp>

#include <nlohmann/json.hpp>

namespace {

using namespace lares;
using namespace lares::matrix;
using lares::test::Json;

constexpr std::string_view kOwner = "@owner:a.example";

EventPtr make(const Json& description) {
  EventDraft draft;
  draft.type = description.value("type", "m.room.message");
  draft.sender = description.value("sender", "@alice:a.example");
  draft.room_id = description.value("room_id", "!room:a.example");
  if (description.contains("state_key")) {
    draft.state_key = description["state_key"].get<std::string>();
  }
  draft.content = description.value("content", Json::object()).dump();
  draft.prev_events.emplace_back("$w2S8bVfVSoXiD7OgH6iRT-xyIuqDnpYQNhcu5BS-UMn");
  draft.auth_events.emplace_back("$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
  return *build_unsigned(draft, *find_room_version("11"));
}

PushRuleset ruleset_of(const Json& rules) {
  PushRuleset set{rules.value("legacy", false) ? PredefinedPushRules::kWithLegacyMentions
                                               : PredefinedPushRules::kCurrent};
  for (const char* kind_name : {"override", "content", "room", "sender", "underride"}) {
    const Json list = rules.value(kind_name, Json::array());
    // A new rule is the most important one of its kind.
    for (auto rule = list.rbegin(); rule != list.rend(); ++rule) {
      const PushRuleKind kind = *push_rule_kind(kind_name);
      auto read = read_push_rule(kind, (*rule)["rule_id"].get<std::string>(), rule->dump());
      EXPECT_TRUE(read) << read.error().sentence;
      EXPECT_TRUE(set.put(kind, std::move(*read)));
      if (!rule->value("enabled", true)) {
        EXPECT_TRUE(set.set_enabled(kind, (*rule)["rule_id"].get<std::string>(), false));
      }
    }
  }
  for (const auto& [rule_id, change] : rules.value("changes", Json::object()).items()) {
    const PushRuleKind kind = *push_rule_kind(change.value("kind", "override"));
    if (change.contains("enabled")) {
      EXPECT_TRUE(set.set_enabled(kind, rule_id, change["enabled"].get<bool>()));
    }
    if (change.contains("actions")) {
      EXPECT_TRUE(set.set_actions(kind, rule_id, *read_push_actions(change["actions"].dump())));
    }
  }
  return set;
}

/// Every file of push/ is about one thing: rules, a room and events, with the rule that each event meets
/// ("rule") and what it does ("does": nothing, notify, highlight).
TEST(PushRules, FollowTheDataFiles) {
  int checked = 0;
  for (const auto& [name, file] : test::data_files("push")) {
    for (const auto& test_case : file["cases"]) {
      SCOPED_TRACE(name + ": " + test_case["name"].get<std::string>());
      Json rules = file.value("rules", Json::object());
      Json room = file.value("room", Json::object());
      rules.merge_patch(test_case.value("rules", Json::object()));
      room.merge_patch(test_case.value("room", Json::object()));
      const EventPtr event = make(test_case["event"]);
      EventPtr levels;
      if (room.contains("power_levels")) {
        levels =
            make({{"type", "m.room.power_levels"}, {"state_key", ""}, {"content", room["power_levels"]}});
      }
      const PowerLevels power{*find_room_version("11"), nullptr, levels.get()};
      std::vector<RelatedEvent> related;
      for (const PushRelation& relation : push_relations(*event)) {
        if (room.contains("events") && room["events"].contains(relation.event_id)) {
          related.push_back({relation, make(room["events"][relation.event_id])});
        }
      }
      PushEvent subject{
          *event, {.joined_members = room.value("members", 3), .power_levels = &power}, related};
      const PushRuleset set = ruleset_of(rules);
      const PushRules compiled{set, kOwner};
      const PushOutcome outcome = subject.outcome(compiled, room.value("display_name", ""));
      EXPECT_EQ(outcome.rule_id, test_case.value("rule", ""));
      EXPECT_EQ(outcome.highlight ? "highlight"
                : outcome.notify  ? "notify"
                                  : "nothing",
                test_case["does"].get<std::string>());
      if (set.untouched()) {
        PushEvent fresh{
            *event, {.joined_members = room.value("members", 3), .power_levels = &power}, related};
        EXPECT_EQ(fresh.predefined_outcome(kOwner, room.value("display_name", ""), set.predefined()),
                  outcome);
      }
      // What was stored gives the same rules.
      const auto stored = PushRuleset::parse(set.text(), set.predefined());
      ASSERT_TRUE(stored);
      EXPECT_EQ(stored->text(), set.text());
      const PushRules again{*stored, kOwner};
      EXPECT_EQ(subject.outcome(again, room.value("display_name", "")).rule_id, outcome.rule_id);
      ++checked;
    }
  }
  EXPECT_GT(checked, 100);
}

TEST(PushRules, SenderIsToldOfNothing) {
  const EventPtr event = make({{"sender", kOwner}, {"content", {{"body", "x"}}}});
  PushEvent subject{*event, {.joined_members = 2}};
  EXPECT_FALSE(subject.outcome(PushRules{PushRuleset{}, kOwner}).notify);
  EXPECT_FALSE(subject.predefined_outcome(kOwner).notify);
  EXPECT_TRUE(subject.outcome_for_others().notify);
}

TEST(PushRules, WhoIsNotNamedMeetsWhatOthersMeet) {
  const EventPtr event = make(
      {{"content", {{"body", "x"}, {"m.mentions", {{"user_ids", {"@z:a", kOwner, "@b:a", "@b:a", 5}}}}}}});
  PushEvent subject{*event, {.joined_members = 5}};
  EXPECT_EQ(std::vector<std::string>(subject.mentions().begin(), subject.mentions().end()),
            (std::vector<std::string>{"@b:a", std::string{kOwner}, "@z:a"}));
  EXPECT_FALSE(subject.mentions_room());
  EXPECT_EQ(subject.outcome_for_others().rule_id, ".m.rule.message");
  EXPECT_EQ(subject.predefined_outcome("@other:a.example"), subject.outcome_for_others());
  EXPECT_EQ(subject.predefined_outcome(kOwner).rule_id, ".m.rule.is_user_mention");
}

TEST(PushRules, AMentionOfNobodyIsNoMentionOfEverybody) {
  const EventPtr event =
      make({{"type", "org.example.x"}, {"content", {{"m.mentions", {{"user_ids", {""}}}}}}});
  PushEvent subject{*event, {.joined_members = 5}};
  EXPECT_TRUE(subject.mentions().empty());
  EXPECT_FALSE(subject.outcome_for_others().notify);
  EXPECT_EQ(subject.predefined_outcome(kOwner), subject.outcome_for_others());

  const EventPtr invite =
      make({{"type", "m.room.member"}, {"state_key", ""}, {"content", {{"membership", "invite"}}}});
  PushEvent of_nobody{*invite, {.joined_members = 5}};
  EXPECT_FALSE(of_nobody.outcome_for_others().notify);
}

TEST(PushRules, SayWhatTheyNeedToKnow) {
  const auto needs = [](const char* conditions) {
    PushRuleset set;
    auto rule = read_push_rule(PushRuleKind::kOverride, "x",
                               std::string{R"({"actions":[],"conditions":[)"} + conditions + "]}");
    EXPECT_TRUE(set.put(PushRuleKind::kOverride, std::move(*rule)));
    return PushRules{set, kOwner};
  };
  EXPECT_TRUE(needs(R"({"kind":"contains_display_name"})").needs_display_name());
  EXPECT_TRUE(needs(R"({"kind":"sender_notification_permission","key":"room"})").needs_power_levels());
  EXPECT_TRUE(needs(R"({"kind":"im.nheko.msc3664.related_event_match","rel_type":"m.in_reply_to"})")
                  .needs_related_events());
  const PushRules plain{PushRuleset{}, kOwner};
  EXPECT_FALSE(plain.needs_display_name() || plain.needs_power_levels() || plain.needs_related_events());
}

std::vector<std::string> order(const PushRuleset& set, PushRuleKind kind) {
  std::string text;
  set.append_kind(text, kind, kOwner);
  std::vector<std::string> ids;
  for (const Json& rule : Json::parse(text)) {
    ids.push_back(rule["rule_id"]);
  }
  return ids;
}

bool put(PushRuleset& set, const char* rule_id, const char* before = "", const char* after = "") {
  auto rule = read_push_rule(PushRuleKind::kContent, rule_id, R"({"actions":["notify"],"pattern":"x"})");
  return set.put(PushRuleKind::kContent, std::move(*rule), before, after).has_value();
}

TEST(PushRuleset, KeepsTheOrderThatPutAsksFor) {
  PushRuleset set;
  EXPECT_TRUE(put(set, "a"));
  EXPECT_TRUE(put(set, "b"));
  EXPECT_EQ(order(set, PushRuleKind::kContent), (std::vector<std::string>{"b", "a"}));
  EXPECT_TRUE(put(set, "c", "a"));
  EXPECT_TRUE(put(set, "d", "", "b"));
  EXPECT_EQ(order(set, PushRuleKind::kContent), (std::vector<std::string>{"b", "d", "c", "a"}));
  EXPECT_TRUE(put(set, "a", "b"));
  EXPECT_EQ(order(set, PushRuleKind::kContent), (std::vector<std::string>{"a", "b", "d", "c"}));
  EXPECT_TRUE(put(set, "d"));
  EXPECT_EQ(order(set, PushRuleKind::kContent), (std::vector<std::string>{"a", "b", "d", "c"}));
  EXPECT_FALSE(put(set, "e", "nobody"));
  EXPECT_FALSE(put(set, "e", "", ".m.rule.contains_user_name"));
  EXPECT_TRUE(set.remove(PushRuleKind::kContent, "b"));
  EXPECT_FALSE(set.remove(PushRuleKind::kContent, "b"));
  EXPECT_EQ(order(set, PushRuleKind::kContent), (std::vector<std::string>{"a", "d", "c"}));
}

TEST(PushRuleset, ShowsThePredefinedRulesOfTheSpecificationInOrder) {
  const PushRuleset set;
  EXPECT_EQ(order(set, PushRuleKind::kOverride),
            (std::vector<std::string>{".m.rule.master", ".m.rule.suppress_notices", ".m.rule.invite_for_me",
                                      ".m.rule.member_event", ".m.rule.is_user_mention",
                                      ".m.rule.is_room_mention", ".m.rule.tombstone", ".m.rule.reaction",
                                      ".m.rule.room.server_acl", ".m.rule.suppress_edits"}));
  EXPECT_EQ(order(set, PushRuleKind::kUnderride),
            (std::vector<std::string>{".m.rule.call", ".m.rule.encrypted_room_one_to_one",
                                      ".m.rule.room_one_to_one", ".m.rule.message", ".m.rule.encrypted"}));
  EXPECT_TRUE(order(set, PushRuleKind::kContent).empty());
  std::string text;
  set.append_json(text, R"(@o"w:a)");
  const Json whole = Json::parse(text);
  EXPECT_EQ(whole["global"]["override"][2]["conditions"][2]["pattern"], R"(@o"w:a)");
  EXPECT_EQ(whole["global"]["override"][4]["conditions"][0]["value"], R"(@o"w:a)");
  EXPECT_EQ(whole["global"]["override"][4]["conditions"][0]["key"], "content.m\\.mentions.user_ids");
  EXPECT_EQ(whole["global"]["room"], Json::array());
  EXPECT_TRUE(set.untouched());
}

TEST(PushRuleset, RefusesRulesThatAreNone) {
  const auto refused = [](PushRuleKind kind, std::string_view rule_id, std::string_view body) {
    return !read_push_rule(kind, rule_id, body);
  };
  using enum PushRuleKind;
  EXPECT_TRUE(refused(kRoom, ".m.rule.mine", R"({"actions":[]})"));
  EXPECT_TRUE(refused(kRoom, "a/b", R"({"actions":[]})"));
  EXPECT_TRUE(refused(kRoom, "a\\b", R"({"actions":[]})"));
  EXPECT_TRUE(refused(kRoom, "", R"({"actions":[]})"));
  EXPECT_TRUE(refused(kRoom, std::string(256, 'a'), R"({"actions":[]})"));
  EXPECT_TRUE(refused(kRoom, "\xff", R"({"actions":[]})"));
  EXPECT_TRUE(refused(kRoom, "a", "{}"));
  EXPECT_TRUE(refused(kRoom, "a", R"({"actions":"notify"})"));
  EXPECT_TRUE(refused(kRoom, "a", R"({"actions":["shout"]})"));
  EXPECT_TRUE(refused(kContent, "a", R"({"actions":[]})"));
  EXPECT_TRUE(refused(kContent, "a", R"({"actions":[],"pattern":")" + std::string(513, 'a') + "\"}"));
  EXPECT_TRUE(refused(kOverride, "a", R"({"actions":[],"conditions":{}})"));
  EXPECT_TRUE(refused(kOverride, "a", R"({"actions":[],"conditions":[{"key":"x"}]})"));
  EXPECT_FALSE(refused(kOverride, "a", R"({"actions":[],"conditions":[{"kind":"unheard of"}]})"));
  EXPECT_EQ(read_push_actions(R"(["dont_notify","coalesce"])"), R"(["dont_notify","coalesce"])");
  EXPECT_EQ(read_push_actions(R"([{"value":1.5,"set_tweak":"x"}])"), R"([{"set_tweak":"x","value":1.5}])");
}

TEST(PushRuleset, CanReadWhatItHasTakenHoweverDeepItNests) {
  using enum PushRuleKind;
  for (std::size_t depth = 1; depth < 100; ++depth) {
    const std::string deep = std::string(depth, '[') + std::string(depth, ']');
    for (const std::string& body : {R"({"actions":[],"conditions":[{"kind":"x","value":)" + deep + "}]}",
                                    R"({"actions":[{"set_tweak":"x","value":)" + deep + "}]}"}) {
      const auto rule = read_push_rule(kOverride, "a", body);
      if (depth < 20 || depth > 80) {
        ASSERT_EQ(rule.has_value(), depth < 20) << body;
      }
      if (rule) {
        PushRuleset set;
        ASSERT_TRUE(set.put(kOverride, *rule, "", ""));
        ASSERT_TRUE(PushRuleset::parse(set.text())) << body;
      }
    }
  }
}

TEST(PushRuleset, HasALimitInCountAndInBytes) {
  PushRuleset set;
  for (std::size_t i = 0; i < kMaxPushRules; ++i) {
    ASSERT_TRUE(put(set, std::to_string(i).c_str()));
  }
  EXPECT_FALSE(put(set, "one more"));
  EXPECT_TRUE(put(set, "7"));
  EXPECT_TRUE(PushRuleset::parse(set.text()));

  PushRuleset large;
  bool refused = false;
  for (int i = 0; i < 100 && !refused; ++i) {
    auto rule = read_push_rule(PushRuleKind::kOverride, std::to_string(i),
                               R"({"actions":[{"set_tweak":")" + std::string(8000, 'x') + "\"}]}");
    ASSERT_TRUE(rule);
    refused = !large.put(PushRuleKind::kOverride, std::move(*rule));
  }
  EXPECT_TRUE(refused);
  EXPECT_TRUE(PushRuleset::parse(large.text()));
  EXPECT_FALSE(PushRuleset::parse("[]"));
  EXPECT_FALSE(PushRuleset::parse(R"({"room":[{}]})"));
}

}  // namespace
