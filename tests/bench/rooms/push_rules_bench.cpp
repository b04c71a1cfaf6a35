// SPDX-License-Identifier: Apache-2.0
#include "sample_events.hpp"

#include <benchmark/benchmark.h>
#include <lares/matrix/push_rules.hpp>
#include <lares/matrix/server_acl.hpp>

#include <memory>
#include <string>
#include <vector>

namespace {

using namespace lares;
using namespace lares::matrix;

void put(PushRuleset& set, PushRuleKind kind, const std::string& rule_id, const std::string& body) {
  auto rule = read_push_rule(kind, rule_id, body);
  if (!rule || !set.put(kind, std::move(*rule))) {
    std::abort();
  }
}

/// What a user of some years has: muted rooms and people, words, a rule or two by hand.
PushRuleset rules_of(int user) {
  PushRuleset set;
  const std::string n = std::to_string(user);
  for (int i = 0; i < 10; ++i) {
    put(set, PushRuleKind::kRoom, "!muted" + n + "x" + std::to_string(i) + ":matrix.example.org",
        R"({"actions":[]})");
  }
  for (const char* word : {"harvest", "budget", "on?call", "release*date", "picnic"}) {
    put(set, PushRuleKind::kContent, word + n,
        std::string{R"({"actions":["notify",{"set_tweak":"highlight"}],"pattern":")"} + word + n + "\"}");
  }
  put(set, PushRuleKind::kSender, "@loud" + n + ":other.example", R"({"actions":[]})");
  put(set, PushRuleKind::kOverride, "bots",
      R"({"actions":[],"conditions":[{"kind":"event_match","key":"sender","pattern":"@bot*:*"},)"
      R"({"kind":"room_member_count","is":">20"}]})");
  put(set, PushRuleKind::kUnderride, "polls",
      R"({"actions":["notify"],"conditions":[{"kind":"event_match","key":"type","pattern":"m.poll.start"}]})");
  set.set_enabled(PushRuleKind::kOverride, ".m.rule.suppress_notices", user % 2 == 0);
  return set;
}

/// One event for users who all have rules of their own: reading the event and deciding for each.
void PushRulesOfUsers(benchmark::State& state) {
  std::vector<std::unique_ptr<PushRules>> users;
  for (int i = 0; i < state.range(0); ++i) {
    users.push_back(
        std::make_unique<PushRules>(rules_of(i), "@user" + std::to_string(i) + ":matrix.example.org"));
  }
  const EventPtr event = bench::sample_event();
  const PowerLevels levels{event->version(), nullptr, nullptr};
  for (auto _ : state) {
    PushEvent subject{*event, {.joined_members = 500, .power_levels = &levels}};
    int notified = 0;
    for (const auto& rules : users) {
      notified += subject.outcome(*rules, "Somebody").notify ? 1 : 0;
    }
    if (notified != state.range(0)) {
      state.SkipWithError("somebody was not told");
    }
  }
  state.counters["bytes_per_user"] = static_cast<double>(users.front()->memory_bytes());
}
BENCHMARK(PushRulesOfUsers)->Arg(1)->Arg(100);

/// What every event costs, whoever is in the room.
void PushRulesOfOthers(benchmark::State& state) {
  const EventPtr event = bench::sample_event();
  for (auto _ : state) {
    PushEvent subject{*event, {.joined_members = 500}};
    benchmark::DoNotOptimize(subject.outcome_for_others());
    benchmark::DoNotOptimize(subject.mentions());
  }
}
BENCHMARK(PushRulesOfOthers);

void CompilePushRules(benchmark::State& state) {
  const PushRuleset set = rules_of(1);
  for (auto _ : state) {
    const PushRules rules{set, "@user1:matrix.example.org"};
    benchmark::DoNotOptimize(rules.memory_bytes());
  }
}
BENCHMARK(CompilePushRules);

/// The argument is the number of globs in the deny list.
void ServerAclAsked(benchmark::State& state) {
  std::string content = R"({"allow":["*"],"deny":["evil.com")";
  for (int i = 0; i < state.range(0); ++i) {
    content += ",\"*.evil" + std::to_string(i) + ".com\"";
  }
  content += "]}";
  const ServerAcl acl{json::Value{content}};
  for (auto _ : state) {
    benchmark::DoNotOptimize(acl.allows("matrix.example.org:8448"));
  }
}
BENCHMARK(ServerAclAsked)->Arg(10)->Arg(1000);

}  // namespace
