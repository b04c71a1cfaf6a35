// SPDX-License-Identifier: Apache-2.0
#include "test_room.hpp"

#include <lares/matrix/event_auth.hpp>

#include <set>

namespace {

using namespace lares;
using namespace lares::matrix;
using lares::test::Json;
using lares::test::TestRoom;

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
          const TestRoom room{*version, description};
          const EventPtr event = room.make(test_case["event"]);
          ASSERT_TRUE(event);
          const auto find = room.lookup();
          const AuthVerdict verdict = authorise(*event, find);
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

std::set<AuthRule> rules_of_data_files() {
  std::set<AuthRule> seen;
  for (const auto& [name, file] : test::data_files("auth")) {
    for (const auto& [range, number] : file["numbers"].items()) {
      for (const RoomVersion* version : test::versions_in(range)) {
        for (int i = 0; i <= static_cast<int>(kLastAuthRule); ++i) {
          if (rule_number(static_cast<AuthRule>(i), *version) == number.get<std::string>()) {
            seen.insert(static_cast<AuthRule>(i));
          }
        }
      }
    }
  }
  return seen;
}

TEST(Authorise, HasADataFileForEachRule) {
  const std::set<AuthRule> seen = rules_of_data_files();
  // Tested in this file and in event_signatures_test.cpp.
  const std::set<AuthRule> elsewhere{AuthRule::kAuthEventsDuplicate, AuthRule::kAuthEventsUnexpected,
                                     AuthRule::kAuthEventsRejected, AuthRule::kAuthEventsOtherRoom,
                                     AuthRule::kMemberAuthorisingSignature};
  for (int i = 0; i <= static_cast<int>(kLastAuthRule); ++i) {
    const auto rule = static_cast<AuthRule>(i);
    EXPECT_TRUE(seen.contains(rule) || elsewhere.contains(rule)) << describe(rule);
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

class AuthEvents : public testing::TestWithParam<std::string> {
 protected:
  AuthEvents()
      : room_{*find_room_version(GetParam()),
              {{"members", {{"@alice:a.example", "join"}, {"@bob:b.example", "join"}}},
               {"power_levels", Json::object()},
               {"join_rule", "invite"}}} {
    message_ = room_.make({{"type", "m.room.message"}, {"sender", "@alice:a.example"}});
    create_.event = room_.create().get();
    if (!room_.version().room_id_is_create_hash) {
      proper_.push_back(create_);
    }
    proper_.push_back({room_.find("m.room.power_levels", "")});
    proper_.push_back({room_.find("m.room.member", "@alice:a.example")});
  }

  AuthVerdict check(const std::vector<AuthEvent>& events) const {
    return authorise_auth_events(*message_, events,
                                 room_.version().room_id_is_create_hash ? &create_ : nullptr);
  }
  void expect_refused(const std::vector<AuthEvent>& events, AuthRule rule) const {
    const AuthVerdict verdict = check(events);
    ASSERT_FALSE(verdict);
    EXPECT_EQ(verdict.error().rule, rule) << describe(verdict.error(), room_.version());
  }

  TestRoom room_;
  EventPtr message_;
  AuthEvent create_;
  std::vector<AuthEvent> proper_;
};

TEST_P(AuthEvents, AreTheOnesThatTheSelectionNames) {
  EXPECT_TRUE(check(proper_));
  auto more = proper_;
  more.push_back({room_.find("m.room.join_rules", "")});
  expect_refused(more, AuthRule::kAuthEventsUnexpected);
  more.back() = {room_.find("m.room.member", "@bob:b.example")};
  expect_refused(more, AuthRule::kAuthEventsUnexpected);
  more.back() = {message_.get()};
  expect_refused(more, AuthRule::kAuthEventsUnexpected);
}

TEST_P(AuthEvents, StandOnceEach) {
  auto twice = proper_;
  const EventPtr another = room_.make({{"type", "m.room.member"},
                                       {"sender", "@alice:a.example"},
                                       {"state_key", "@alice:a.example"},
                                       {"origin_server_ts", 7},
                                       {"content", {{"membership", "join"}}}});
  twice.push_back({another.get()});
  expect_refused(twice, AuthRule::kAuthEventsDuplicate);
}

TEST_P(AuthEvents, WereAcceptedThemselves) {
  auto rejected = proper_;
  rejected.back().rejected = true;
  expect_refused(rejected, AuthRule::kAuthEventsRejected);
}

TEST_P(AuthEvents, AreOfTheSameRoom) {
  const TestRoom elsewhere{
      room_.version(), {{"create", {{"content", {{"x", 1}}}}}, {"members", {{"@alice:a.example", "join"}}}}};
  auto other = proper_;
  const EventPtr member = room_.make(
      {{"type", "m.room.member"},
       {"sender", "@alice:a.example"},
       {"state_key", "@alice:a.example"},
       {"room_id", room_.version().room_id_is_create_hash ? std::string{elsewhere.create()->room_id()}
                                                          : "!else:a.example"},
       {"content", {{"membership", "join"}}}});
  other.back() = {member.get()};
  expect_refused(other, AuthRule::kAuthEventsOtherRoom);
}

TEST_P(AuthEvents, NameTheCreateEventOrNot) {
  if (room_.version().room_id_is_create_hash) {
    auto with_create = proper_;
    with_create.push_back(create_);
    expect_refused(with_create, AuthRule::kAuthEventsUnexpected);
    EXPECT_EQ(authorise_auth_events(*message_, proper_, nullptr).error().rule,
              AuthRule::kRoomIdNotACreateEvent);
    AuthEvent rejected = create_;
    rejected.rejected = true;
    EXPECT_EQ(authorise_auth_events(*message_, proper_, &rejected).error().rule,
              AuthRule::kRoomIdNotACreateEvent);
    const AuthEvent message{message_.get()};
    EXPECT_EQ(authorise_auth_events(*message_, proper_, &message).error().rule,
              AuthRule::kRoomIdNotACreateEvent);
  } else {
    proper_.erase(proper_.begin());
    expect_refused(proper_, AuthRule::kAuthEventsNoCreate);
  }
}

INSTANTIATE_TEST_SUITE_P(Versions, AuthEvents,
                         testing::Values("1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"),
                         [](const auto& info) { return "V" + info.param; });

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
