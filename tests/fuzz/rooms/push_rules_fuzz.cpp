// SPDX-License-Identifier: Apache-2.0
#include "../../../sdk/src/matrix/glob.hpp"
#include "../require.hpp"

#include <lares/json/scanner.hpp>
#include <lares/matrix/push_rules.hpp>
#include <lares/matrix/third_party_id.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace lares;
using namespace lares::matrix;

// The meaning of a pattern over ASCII, as a table of what matches what.
bool obvious(std::string_view pattern, std::string_view text) {
  std::vector<char> row(text.size() + 1, 0);
  row[0] = 1;
  for (const char p : pattern) {
    std::vector<char> next(text.size() + 1, 0);
    for (std::size_t i = 0; i <= text.size(); ++i) {
      if (p == '*') {
        next[i] = row[i] != 0 || (i > 0 && next[i - 1] != 0);
      } else {
        next[i] = i > 0 && row[i - 1] != 0 && (p == '?' || p == text[i - 1]);
      }
    }
    row = std::move(next);
  }
  return row[text.size()] != 0;
}

EventPtr event_of(std::string body) {
  EventDraft draft;
  draft.type = "m.room.message";
  draft.sender = "@a:b";
  draft.room_id = "!r:b";
  draft.content = std::move(body);
  draft.prev_events.emplace_back("$w2S8bVfVSoXiD7OgH6iRT-xyIuqDnpYQNhcu5BS-UMn");
  draft.auth_events.emplace_back("$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
  const auto event = build_unsigned(draft, *find_room_version("11"));
  return event ? *event : nullptr;
}

void decide(const PushRuleset& set, const Event& event) {
  const PowerLevels levels{event.version(), nullptr, nullptr};
  PushEvent subject{event, {.joined_members = 3, .power_levels = &levels}};
  const PushRules rules{set, "@owner:b"};
  const PushOutcome first = subject.outcome(rules, "Owner");
  require(first.notify || !first.highlight);
  // What was found for one user is right for the next.
  require(subject.outcome(rules, "Owner") == first);
  PushEvent fresh{event, {.joined_members = 3, .power_levels = &levels}};
  require(fresh.outcome(rules, "Owner") == first);
}

}  // namespace

/// A text that is at once the body of a rule of each kind, a stored ruleset and an event's content; and,
/// split at its first line, a pattern and what it is tried on.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (size > 4096) {
    return 0;
  }
  const std::string_view pattern = text.substr(0, text.find('\n'));
  const std::string_view tried = pattern.size() == text.size() ? text : text.substr(pattern.size() + 1);
  const Glob glob{fold_case(pattern)};
  const std::string folded = fold_case(tried);
  const bool matches = glob.matches(folded);
  require(!matches || pattern.size() > Glob::kMaxBytes || glob.matches_words(folded));
  if (text.find_first_of("\x80\xff") == std::string_view::npos && size < 300) {
    bool ascii = true;
    for (const char c : text) {
      ascii = ascii && static_cast<unsigned char>(c) < 0x80U;
    }
    require(!ascii || matches == obvious(fold_case(pattern), folded));
  }

  const json::ScanOptions options{.numbers = json::Numbers::kAny, .max_depth = 100, .require_object = true};
  if (!json::scan(text, options)) {
    return 0;
  }
  const EventPtr event = event_of(std::string{text});
  const EventPtr plain = event_of(R"({"body":"Hello, owner","m.mentions":{"user_ids":["@owner:b"]}})");
  PushRuleset set;
  for (const PushRuleKind kind : {PushRuleKind::kOverride, PushRuleKind::kContent, PushRuleKind::kRoom,
                                  PushRuleKind::kSender, PushRuleKind::kUnderride}) {
    auto rule = read_push_rule(kind, "!r:b", text);
    if (rule) {
      require(set.put(kind, std::move(*rule)).has_value());
    }
  }
  const auto again = PushRuleset::parse(set.text());
  require(again && again->text() == set.text());
  decide(set, *plain);
  if (event) {
    decide(set, *event);
  }
  if (const auto stored = PushRuleset::parse(text)) {
    const auto once_more = PushRuleset::parse(stored->text());
    require(once_more && once_more->text() == stored->text());
    std::string shown;
    stored->append_json(shown, "@owner:b");
    require(json::scan(shown, options).has_value());
    decide(*stored, *plain);
  }
  return 0;
}
