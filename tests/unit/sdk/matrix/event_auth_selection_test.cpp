// SPDX-License-Identifier: Apache-2.0
#include "test_room.hpp"

#include <lares/matrix/event_auth.hpp>

#include <algorithm>

namespace {

using namespace lares::matrix;
using lares::test::Json;

std::vector<std::string> selected(std::string_view type, std::optional<std::string_view> state_key,
                                  std::string_view sender, const std::string& content, const char* version) {
  EventDraft draft;
  draft.type = type;
  if (state_key) {
    draft.state_key = std::string{*state_key};
  }
  draft.sender = sender;
  draft.content = content;
  const AuthSubject subject{draft};
  const RoomVersion& row = *find_room_version(version);
  std::vector<std::string> names;
  for (const StateKey& key : auth_events_for(subject, row)) {
    EXPECT_TRUE(is_auth_event_for(subject, row, key.type, key.state_key));
    names.push_back(key.type.substr(std::string_view{"m.room."}.size()) + "|" + key.state_key);
  }
  EXPECT_FALSE(is_auth_event_for(subject, row, "m.room.topic", ""));
  std::sort(names.begin(), names.end());
  return names;
}

using Names = std::vector<std::string>;

TEST(AuthEventsSelection, IsEmptyForACreateEvent) {
  EXPECT_EQ(selected("m.room.create", "", "@a:x", "{}", "11"), Names{});
  EXPECT_EQ(selected("m.room.create", "", "@a:x", "{}", "12"), Names{});
}

TEST(AuthEventsSelection, HasCreatePowerLevelsAndSender) {
  EXPECT_EQ(selected("m.room.message", {}, "@a:x", "{}", "11"),
            (Names{"create|", "member|@a:x", "power_levels|"}));
  EXPECT_EQ(selected("m.room.topic", "", "@a:x", "{}", "1"),
            (Names{"create|", "member|@a:x", "power_levels|"}));
}

TEST(AuthEventsSelection, LeavesTheCreateEventOutWhereTheRoomIdNamesIt) {
  EXPECT_EQ(selected("m.room.message", {}, "@a:x", "{}", "12"), (Names{"member|@a:x", "power_levels|"}));
}

TEST(AuthEventsSelection, AddsTargetAndJoinRulesForMembers) {
  EXPECT_EQ(selected("m.room.member", "@b:x", "@a:x", R"({"membership":"ban"})", "12"),
            (Names{"member|@a:x", "member|@b:x", "power_levels|"}));
  for (const char* membership : {"join", "invite", "knock"}) {
    EXPECT_EQ(selected("m.room.member", "@b:x", "@a:x",
                       std::string{R"({"membership":")"} + membership + "\"}", "12"),
              (Names{"join_rules|", "member|@a:x", "member|@b:x", "power_levels|"}));
  }
  EXPECT_EQ(selected("m.room.member", "@a:x", "@a:x", R"({"membership":"join"})", "12"),
            (Names{"join_rules|", "member|@a:x", "power_levels|"}));
}

TEST(AuthEventsSelection, AddsTheThirdPartyInvite) {
  const std::string content = R"({"membership":"invite","third_party_invite":{"signed":{"token":"abc"}}})";
  EXPECT_EQ(selected("m.room.member", "@b:x", "@a:x", content, "12"),
            (Names{"join_rules|", "member|@a:x", "member|@b:x", "power_levels|", "third_party_invite|abc"}));
}

TEST(AuthEventsSelection, AddsTheAuthorisingUserWhereRoomsCanBeRestricted) {
  const std::string content = R"({"membership":"join","join_authorised_via_users_server":"@c:y"})";
  EXPECT_EQ(selected("m.room.member", "@a:x", "@a:x", content, "8"),
            (Names{"create|", "join_rules|", "member|@a:x", "member|@c:y", "power_levels|"}));
  EXPECT_EQ(selected("m.room.member", "@a:x", "@a:x", content, "7"),
            (Names{"create|", "join_rules|", "member|@a:x", "power_levels|"}));
  EXPECT_EQ(selected("m.room.member", "@a:x", "@a:x",
                     R"({"membership":"leave","join_authorised_via_users_server":"@c:y"})", "8"),
            (Names{"create|", "member|@a:x", "power_levels|"}));
}

}  // namespace
