// SPDX-License-Identifier: Apache-2.0
#include <lares/service/sync.hpp>

#include <gtest/gtest.h>

namespace lares::service {
namespace {

TEST(SyncResponse, ARoomIsMadeOnceAndOnlyIfTheUserIsInIt) {
  SyncResponse response;
  response.joined_rooms.emplace_back(7, "!a:b");
  JoinedRoomSync* const room = response.room(7);
  ASSERT_NE(room, nullptr);
  EXPECT_EQ(room->room_id, "!a:b");
  room->limited = true;
  EXPECT_TRUE(response.room(7)->limited);
  EXPECT_EQ(response.joined.size(), 1U);
  EXPECT_EQ(response.room(8), nullptr);
}

TEST(SyncResponse, IsEmptyWithoutNews) {
  SyncResponse response;
  response.joined_rooms.emplace_back(7, "!a:b");
  response.one_time_keys_count = "{}";
  response.unused_fallback_key_types = "[]";
  EXPECT_TRUE(response.empty());
  ASSERT_NE(response.room(7), nullptr);
  EXPECT_TRUE(response.empty());
  response.room(7)->ephemeral.emplace_back("{}");
  EXPECT_FALSE(response.empty());
}

TEST(SyncResponse, ARoomThatWasJustJoinedIsNews) {
  SyncResponse response;
  response.joined_rooms.emplace_back(7, "!a:b");
  response.room(7)->newly_joined = true;
  EXPECT_FALSE(response.empty());
}

TEST(SyncResponse, AGapIsNewsThoughNothingIsShownOfIt) {
  SyncResponse response;
  response.joined_rooms.emplace_back(7, "!a:b");
  response.room(7)->limited = true;
  EXPECT_FALSE(response.room(7)->empty());
  EXPECT_FALSE(response.empty());
}

TEST(SyncResponse, EverySectionIsNews) {
  const auto not_empty_with = [](auto change) {
    SyncResponse response;
    change(response);
    EXPECT_FALSE(response.empty());
  };
  not_empty_with([](SyncResponse& response) { response.left.emplace_back(); });
  not_empty_with([](SyncResponse& response) { response.invited.emplace_back(); });
  not_empty_with([](SyncResponse& response) { response.knocked.emplace_back(); });
  not_empty_with([](SyncResponse& response) { response.account_data.emplace_back("{}"); });
  not_empty_with([](SyncResponse& response) { response.presence.emplace_back("{}"); });
  not_empty_with([](SyncResponse& response) { response.to_device.emplace_back("{}"); });
  not_empty_with([](SyncResponse& response) { response.device_lists_changed.emplace_back("@a:b"); });
  not_empty_with([](SyncResponse& response) { response.device_lists_left.emplace_back("@a:b"); });
}

}  // namespace
}  // namespace lares::service
