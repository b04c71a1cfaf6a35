// SPDX-License-Identifier: Apache-2.0
#include "test_room.hpp"

namespace {

using namespace lares::matrix;
using lares::test::Json;
using lares::test::TestRoom;

/// Every file of redaction/ is about one type of event: a content, and what versions leave of it.
TEST(Redaction, LeavesOfTheContentWhatTheVersionSays) {
  for (const auto& [name, file] : lares::test::data_files("redaction")) {
    for (const auto& [range, left] : file["left"].items()) {
      for (const RoomVersion* version : lares::test::versions_in(range)) {
        SCOPED_TRACE(name + ", version " + std::string{version->id});
        const TestRoom room{*version, Json::object()};
        Json description{{"type", file["type"]},
                         {"sender", "@a:a.example"},
                         {"state_key", ""},
                         {"content", file["content"]}};
        if (file["type"] == "m.room.create") {
          description["prev_events"] = Json::array();
        }
        const EventPtr event = room.make(description);
        const EventPtr redacted = redact(*event);
        ASSERT_TRUE(redacted);
        EXPECT_EQ(Json::parse(redacted->content().bytes()), left);
        EXPECT_EQ(redacted->event_id(), event->event_id());
        EXPECT_EQ(redacted->room_id(), event->room_id());
        EXPECT_EQ(redact(*redacted)->bytes(), redacted->bytes());
        EXPECT_EQ(reference_hash(*redacted), reference_hash(*event));
        EXPECT_EQ(redact_object(event->bytes(), *version), redacted->bytes());
      }
    }
  }
}

TEST(Redaction, LeavesTheFieldsOfTheFederationFormat) {
  for (const RoomVersion& version : room_versions()) {
    const TestRoom room{version, Json::object()};
    const EventPtr event = room.make({{"type", "m.room.message"},
                                      {"sender", "@a:a.example"},
                                      {"content", {{"body", "x"}}},
                                      {"origin", "a.example"},
                                      {"membership", "join"},
                                      {"prev_state", Json::array()},
                                      {"age_ts", 5},
                                      {"redacts", "$x"},
                                      {"anything", 1}});
    Json expected = Json::parse(event->bytes());
    expected["content"] = Json::object();
    expected.erase("age_ts");
    expected.erase("anything");
    expected.erase("redacts");
    if (version.redaction_v11) {
      expected.erase("origin");
      expected.erase("membership");
      expected.erase("prev_state");
    }
    EXPECT_EQ(Json::parse(redact(*event)->bytes()), expected);
  }
}

}  // namespace
