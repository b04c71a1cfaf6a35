// SPDX-License-Identifier: Apache-2.0
#include "test_room.hpp"

#include <lares/matrix/event_auth.hpp>
#include <lares/matrix/event_signatures.hpp>

#include <algorithm>
#include <list>
#include <map>
#include <set>
#include <stdexcept>

namespace {

using namespace lares;
using namespace lares::matrix;
using lares::test::Json;
using lares::test::TestRoom;

/// Knows every server by one key.
class OneKey final : public KeyLookup {
 public:
  std::optional<KnownKey> find(std::string_view, std::string_view key_id) const override {
    return key_id == key_.id() ? std::optional{KnownKey{key_.public_key(), INT64_MAX}} : std::nullopt;
  }
  EventPtr sign(const Event& event, const std::string& server) const {
    return *add_signature(event, *ServerName::parse(server), key_);
  }

 private:
  crypto::SigningKey key_ = test::test_key(1);
};

/// The event with the signatures of these servers.
AuthVerdict judge_signatures(EventPtr event, const std::vector<std::string>& servers) {
  const OneKey keys;
  for (const std::string& server : servers) {
    event = keys.sign(*event, server);
  }
  const auto verified = verify_event_signatures(*event, keys);
  if (verified) {
    return {};
  }
  const auto rejection = verified.error().rejection();
  EXPECT_TRUE(rejection) << describe(verified.error());
  return std::unexpected(rejection.value_or(AuthFailure{}));
}

/// The event with these auth events, each written as README.md says.
AuthVerdict judge_auth_events(const Event& event, const Json& written, const TestRoom& room) {
  std::list<EventPtr> made;
  std::vector<AuthEvent> auth_events;
  const auto in_state = [&room](const std::string& place) {
    const std::size_t bar = place.find('|');
    const Event* event = room.find(place.substr(0, bar), place.substr(bar + 1));
    if (event == nullptr) {
      throw std::invalid_argument{"the state has no " + place};
    }
    return event;
  };
  for (const Json& entry : written) {
    if (entry == "$create") {
      if (!room.version().room_id_is_create_hash) {
        auth_events.push_back({room.create().get()});
      }
    } else if (entry.is_string()) {
      auth_events.push_back({in_state(entry)});
    } else if (entry.contains("rejected")) {
      auth_events.push_back({in_state(entry["rejected"]), true});
    } else {
      made.push_back(room.make(entry));
      auth_events.push_back({made.back().get()});
    }
  }
  const AuthEvent create{room.create().get()};
  return authorise_auth_events(event, auth_events, room.version().room_id_is_create_hash ? &create : nullptr);
}

AuthVerdict judge(const Json& test_case, const TestRoom& room) {
  const EventPtr event = room.make(test_case["event"]);
  if (test_case.contains("signed_by")) {
    return judge_signatures(event, test_case["signed_by"]);
  }
  if (test_case.contains("auth_events")) {
    return judge_auth_events(*event, test_case["auth_events"], room);
  }
  const auto find = room.lookup();
  return authorise(*event, find);
}

/// Every file of auth/ is about one rule: a room, events that the rule lets through and events that it
/// refuses, and the number that the rule has on the page of each version.
TEST(Authorise, FollowsEachRuleOfTheDataFiles) {
  int checked = 0;
  for (const auto& [name, file] : test::data_files("auth")) {
    for (const auto& [range, number] : file["numbers"].items()) {
      for (const RoomVersion* version : test::versions_in(range)) {
        for (const auto& test_case : file["cases"]) {
          SCOPED_TRACE(name + ", version " + std::string{version->id} + ": " +
                       test_case["name"].get<std::string>());
          Json description = file["room"];
          if (test_case.contains("room")) {
            description.merge_patch(test_case["room"]);
            for (const auto& [key, value] : test_case["room"].items()) {
              if (value.is_null()) {
                description[key] = nullptr;
              }
            }
          }
          const AuthVerdict verdict = judge(test_case, TestRoom{*version, description});
          if (test_case["verdict"] == "allow") {
            EXPECT_TRUE(verdict) << describe(verdict.error(), *version);
          } else {
            ASSERT_FALSE(verdict);
            EXPECT_EQ(rule_number(verdict.error().rule, *version), number.get<std::string>())
                << describe(verdict.error(), *version);
          }
          ++checked;
        }
      }
    }
  }
  EXPECT_GT(checked, 2000);
}

/// A rule that a version has is allowed and refused by in that version.
TEST(Authorise, HasCasesForEachRuleOfEachVersion) {
  std::map<std::string, std::map<std::string, std::set<std::string>>> verdicts;
  for (const auto& [name, file] : test::data_files("auth")) {
    for (const auto& [range, number] : file["numbers"].items()) {
      for (const RoomVersion* version : test::versions_in(range)) {
        for (const auto& test_case : file["cases"]) {
          verdicts[std::string{version->id}][number].insert(test_case["verdict"]);
        }
      }
    }
  }
  for (const RoomVersion& version : room_versions()) {
    auto& of_version = verdicts[std::string{version.id}];
    for (int i = 0; i <= static_cast<int>(kLastAuthRule); ++i) {
      const std::string number = rule_number(static_cast<AuthRule>(i), version);
      if (!number.empty()) {
        EXPECT_EQ(of_version[number], (std::set<std::string>{"allow", "refuse"}))
            << "version " << version.id << ", rule " << number << ": " << describe(static_cast<AuthRule>(i));
      }
    }
  }
}

TEST(Authorise, NumbersNoTwoRulesAlike) {
  for (const RoomVersion& version : room_versions()) {
    std::map<std::string, AuthRule> numbers;
    for (int i = 0; i <= static_cast<int>(kLastAuthRule); ++i) {
      const auto rule = static_cast<AuthRule>(i);
      const std::string number = rule_number(rule, version);
      if (!number.empty()) {
        EXPECT_TRUE(numbers.emplace(number, rule).second) << version.id << ": " << number;
      }
    }
  }
}

TEST(AuthEvents, NeedAnAcceptedCreateEventWhereTheRoomsIdNamesIt) {
  const TestRoom room{*find_room_version("12"), {{"members", {{"@alice:a.example", "join"}}}}};
  const EventPtr message = room.make({{"type", "m.room.message"}, {"sender", "@alice:a.example"}});
  const std::vector<AuthEvent> proper{{room.find("m.room.member", "@alice:a.example")}};
  const AuthEvent create{room.create().get()};
  EXPECT_TRUE(authorise_auth_events(*message, proper, &create));
  const AuthEvent rejected{room.create().get(), true};
  const AuthEvent no_create{message.get()};
  const TestRoom other_room{room.version(), {{"create", {{"content", {{"x", 1}}}}}}};
  const AuthEvent of_another_room{other_room.create().get()};
  for (const AuthEvent* wrong :
       std::initializer_list<const AuthEvent*>{nullptr, &rejected, &no_create, &of_another_room}) {
    const AuthVerdict verdict = authorise_auth_events(*message, proper, wrong);
    ASSERT_FALSE(verdict);
    EXPECT_EQ(verdict.error().rule, AuthRule::kRoomIdNotACreateEvent);
  }
}

TEST(MayRedact, AsksForTheLevelOrTheSameServer) {
  for (const char* id : {"3", "10", "11", "12"}) {
    const TestRoom room{*find_room_version(id),
                        {{"members", {{"@alice:a.example", "join"}, {"@bob:b.example", "join"}}},
                         {"power_levels", {{"users", {{"@alice:a.example", 50}}}}}}};
    const auto find = room.lookup();
    const EventPtr by_alice =
        room.make({{"type", "m.room.redaction"}, {"sender", "@alice:a.example"}, {"redacts", "$x"}});
    const EventPtr by_bob =
        room.make({{"type", "m.room.redaction"}, {"sender", "@bob:b.example"}, {"redacts", "$x"}});
    const EventPtr of_b = room.make({{"type", "m.room.message"}, {"sender", "@carl:b.example"}});
    const EventPtr of_c = room.make({{"type", "m.room.message"}, {"sender", "@carl:c.example"}});
    EXPECT_TRUE(may_redact(*by_alice, *of_c, find));
    EXPECT_TRUE(may_redact(*by_bob, *of_b, find));
    EXPECT_FALSE(may_redact(*by_bob, *of_c, find));
    EXPECT_EQ(by_alice->redacts(), "$x");
  }
}

TEST(Authorise, TakesTimeInTheOrderOfTheLevels) {
  // Twenty thousand users on both sides: comparing each with each would take minutes.
  Json users = Json::object();
  for (int i = 0; i < 2500; ++i) {
    users["@u" + std::to_string(i) + ":a"] = 1;
  }
  const TestRoom room{*find_room_version("11"), {{"members", {{"@creator:a.example", "join"}}}}};
  auto levels = users;
  levels["@creator:a.example"] = 100;
  TestRoom with_levels = room;
  with_levels.put(room.make({{"type", "m.room.power_levels"},
                             {"sender", "@creator:a.example"},
                             {"state_key", ""},
                             {"content", {{"users", levels}}}}));
  levels["@u7:a"] = 2;
  const EventPtr event = room.make({{"type", "m.room.power_levels"},
                                    {"sender", "@creator:a.example"},
                                    {"state_key", ""},
                                    {"content", {{"users", levels}}}});
  const auto find = with_levels.lookup();
  EXPECT_TRUE(authorise(*event, find));
}

}  // namespace
