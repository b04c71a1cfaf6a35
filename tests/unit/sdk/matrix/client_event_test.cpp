// SPDX-License-Identifier: Apache-2.0
#include "test_room.hpp"

#include <lares/json/canonical.hpp>
#include <lares/matrix/client_event.hpp>

namespace {

using namespace lares::matrix;
using lares::test::Json;
using lares::test::TestRoom;

Json client(const Event& event, const ClientFormat& format = {}) {
  std::string out;
  append_client_event(out, event, format);
  EXPECT_TRUE(lares::json::is_canonical(out)) << out;
  return Json::parse(out);
}

TEST(ClientEvent, HasWhatClientsMaySee) {
  for (const RoomVersion& version : room_versions()) {
    const TestRoom room{version, Json::object()};
    const EventPtr event = room.make({{"type", "m.room.topic"},
                                      {"sender", "@a:a.example"},
                                      {"state_key", "q\"k"},
                                      {"content", {{"topic", "t\n"}}}});
    EXPECT_EQ(client(*event), (Json{{"type", "m.room.topic"},
                                    {"sender", "@a:a.example"},
                                    {"state_key", "q\"k"},
                                    {"content", {{"topic", "t\n"}}},
                                    {"event_id", event->event_id()},
                                    {"room_id", event->room_id()},
                                    {"origin_server_ts", 1000}}));
    EXPECT_TRUE(client(*room.create()).contains("room_id"));
  }
}

TEST(ClientEvent, TakesUnsignedFromTheCaller) {
  const TestRoom room{*find_room_version("11"), Json::object()};
  const EventPtr event = room.make({{"type", "m.room.message"}, {"sender", "@a:a.example"}});
  const Json shown = client(*event, {.unsigned_json = R"({"age":5})", .omit_room_id = true});
  EXPECT_EQ(shown["unsigned"], (Json{{"age", 5}}));
  EXPECT_FALSE(shown.contains("room_id"));
  EXPECT_FALSE(shown.contains("state_key"));
}

TEST(ClientEvent, ShowsRedactsInBothPlaces) {
  for (const RoomVersion& version : room_versions()) {
    const TestRoom room{version, Json::object()};
    for (const Json& content : {Json::object(), Json{{"reason", "x"}}, Json{{"a", 1}, {"z", 2}}}) {
      const Json shown = client(*room.make({{"type", "m.room.redaction"},
                                            {"sender", "@a:a.example"},
                                            {"redacts", "$x"},
                                            {"content", content}}));
      EXPECT_EQ(shown["redacts"], "$x");
      EXPECT_EQ(shown["content"]["redacts"], "$x");
    }
  }
}

TEST(ClientEvent, IsStrippedForInvites) {
  const TestRoom room{*find_room_version("11"), Json::object()};
  const EventPtr event = room.make(
      {{"type", "m.room.name"}, {"sender", "@a:a.example"}, {"state_key", ""}, {"content", {{"name", "n"}}}});
  EXPECT_EQ(client(*event, {.unsigned_json = "{}", .stripped = true}), (Json{{"type", "m.room.name"},
                                                                             {"sender", "@a:a.example"},
                                                                             {"state_key", ""},
                                                                             {"content", {{"name", "n"}}}}));
}

}  // namespace
