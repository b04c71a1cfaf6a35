// SPDX-License-Identifier: Apache-2.0
#include "serialise.hpp"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

namespace lares::sync {
namespace {

using Json = nlohmann::json;
using service::SyncResponse;

Json body(const SyncResponse& response) {
  return Json::parse(serialise(response, "1.1-5"));
}

TEST(SerialiseSync, AnEmptyAnswerIsItsTokenAlone) {
  EXPECT_EQ(serialise(SyncResponse{}, "1.1-5"), R"({"next_batch":"1.1-5"})");
}

TEST(SerialiseSync, AJoinedRoomHasEverySection) {
  SyncResponse response;
  service::JoinedRoomSync& room = response.joined.emplace_back();
  room.room_id = "!a:b";
  room.timeline = {R"({"type":"one"})", R"({"type":"two"})"};
  room.limited = true;
  room.prev_batch = "h5-7";
  room.state = {R"({"type":"state"})"};
  room.ephemeral = {R"({"type":"m.typing"})"};
  room.account_data = {R"({"type":"m.tag"})"};
  room.summary = R"({"m.joined_member_count":2})";
  room.notification_count = 3;
  room.highlight_count = 1;
  room.thread_counts["$root"] = {2, 1};
  EXPECT_EQ(body(response), Json::parse(R"({"next_batch":"1.1-5","rooms":{"join":{"!a:b":{
    "account_data":{"events":[{"type":"m.tag"}]},
    "ephemeral":{"events":[{"type":"m.typing"}]},
    "state":{"events":[{"type":"state"}]},
    "summary":{"m.joined_member_count":2},
    "timeline":{"events":[{"type":"one"},{"type":"two"}],"limited":true,"prev_batch":"h5-7"},
    "unread_notifications":{"highlight_count":1,"notification_count":3},
    "unread_thread_notifications":{"$root":{"highlight_count":1,"notification_count":2}}}}}})"));
}

TEST(SerialiseSync, AJoinedRoomWithoutNewsHasEmptySections) {
  SyncResponse response;
  response.joined.emplace_back().room_id = "!a:b";
  EXPECT_EQ(body(response)["rooms"]["join"]["!a:b"], Json::parse(R"({
    "account_data":{"events":[]},"ephemeral":{"events":[]},"state":{"events":[]},
    "timeline":{"events":[],"limited":false},
    "unread_notifications":{"highlight_count":0,"notification_count":0}})"));
}

TEST(SerialiseSync, StateAfterTheTimelineHasANameOfItsOwn) {
  SyncResponse response;
  response.joined.emplace_back().room_id = "!join:b";
  response.left.emplace_back().room_id = "!left:b";
  const Json rooms = Json::parse(serialise(response, "1.1-5", "state_after"))["rooms"];
  for (const Json& room : {rooms["join"]["!join:b"], rooms["leave"]["!left:b"]}) {
    EXPECT_FALSE(room.contains("state"));
    EXPECT_EQ(room["state_after"], Json::parse(R"({"events":[]})"));
  }
}

TEST(SerialiseSync, RoomsStandUnderTheirMembership) {
  SyncResponse response;
  response.joined.emplace_back().room_id = "!join:b";
  response.joined.emplace_back().room_id = "!join2:b";
  response.left.emplace_back().room_id = "!left:b";
  response.left.back().timeline = {R"({"type":"leave"})"};
  response.invited.emplace_back("!invite:b", std::vector<std::string>{R"({"type":"i"})", R"({"type":"j"})"});
  response.knocked.emplace_back("!knock:b", std::vector<std::string>{R"({"type":"k"})"});
  const Json rooms = body(response)["rooms"];
  EXPECT_EQ(rooms["join"].size(), 2U);
  EXPECT_EQ(rooms["leave"]["!left:b"]["timeline"]["events"], Json::parse(R"([{"type":"leave"}])"));
  EXPECT_EQ(rooms["invite"]["!invite:b"]["invite_state"]["events"],
            Json::parse(R"([{"type":"i"},{"type":"j"}])"));
  EXPECT_EQ(rooms["knock"]["!knock:b"]["knock_state"]["events"], Json::parse(R"([{"type":"k"}])"));
}

TEST(SerialiseSync, WhatIsNotAboutRoomsStandsBesideThem) {
  SyncResponse response;
  response.account_data = {R"({"type":"a"})"};
  response.presence = {R"({"type":"p"})"};
  response.to_device = {R"({"type":"d"})"};
  response.device_lists_changed = {"@\"odd\":b"};
  response.one_time_keys_count = R"({"signed_curve25519":50})";
  response.unused_fallback_key_types = R"(["signed_curve25519"])";
  EXPECT_EQ(body(response), Json::parse(R"({"next_batch":"1.1-5",
    "account_data":{"events":[{"type":"a"}]},"presence":{"events":[{"type":"p"}]},
    "to_device":{"events":[{"type":"d"}]},"device_lists":{"changed":["@\"odd\":b"],"left":[]},
    "device_one_time_keys_count":{"signed_curve25519":50},
    "device_unused_fallback_key_types":["signed_curve25519"],
    "org.matrix.msc2732.device_unused_fallback_key_types":["signed_curve25519"]})"));
}

TEST(SerialiseSync, AnUnchangedAnswerHasWhatStandsAlways) {
  EXPECT_EQ(serialise_unchanged("", "1.1-5"), R"({"next_batch":"1.1-5"})");
  EXPECT_EQ(serialise_unchanged(R"("a":{},"b":[],)", "1.1-5"), R"({"a":{},"b":[],"next_batch":"1.1-5"})");
  // The token is what the client sent.
  EXPECT_EQ(Json::parse(serialise_unchanged("", "1\"\\\n"))["next_batch"], "1\"\\\n");
}

}  // namespace
}  // namespace lares::sync
