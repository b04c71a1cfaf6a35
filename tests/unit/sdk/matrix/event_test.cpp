// SPDX-License-Identifier: Apache-2.0
#include "test_room.hpp"

#include <lares/matrix/event.hpp>

namespace {

using namespace lares;
using namespace lares::matrix;
using lares::test::Json;

Json plain_event(const RoomVersion& version) {
  Json event{{"type", "m.room.message"},
             {"sender", "@alice:a.example"},
             {"room_id", version.room_id_is_create_hash ? "!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                                                        : "!room:a.example"},
             {"content", {{"body", "hello"}, {"msgtype", "m.text"}}},
             {"origin_server_ts", 1234567890123},
             {"depth", 7},
             {"hashes", {{"sha256", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}},
             {"signatures", {{"a.example", {{"ed25519:0", "sig"}}}}},
             {"unsigned", {{"age", 5}}}};
  if (version.has_event_id_field()) {
    event["event_id"] = "$event:a.example";
    const auto reference = [](const char* id) { return Json::array({id, {{"sha256", "x"}}}); };
    event["prev_events"] = Json::array({reference("$p1:a.example"), reference("$p2:b.example")});
    event["auth_events"] = Json::array({reference("$a1:a.example")});
  } else {
    event["prev_events"] = Json::array({"$p1", "$p2"});
    event["auth_events"] = Json::array({"$a1"});
  }
  return event;
}

std::expected<ParsedEvent, EventError> parse(const Json& event, const RoomVersion& version,
                                             bool trusted = true) {
  return Event::parse(event.dump(1), version, {.trusted = trusted});
}

std::string fault(const Json& event, const char* version) {
  const auto parsed = parse(event, *find_room_version(version));
  return parsed ? "none" : describe(parsed.error());
}

TEST(Event, GivesItsFieldsWithoutCopying) {
  for (const RoomVersion& version : room_versions()) {
    const auto parsed = parse(plain_event(version), version);
    ASSERT_TRUE(parsed) << version.id << ": " << describe(parsed.error());
    const Event& event = *parsed->event;
    EXPECT_EQ(event.type(), "m.room.message");
    EXPECT_EQ(event.sender(), "@alice:a.example");
    EXPECT_EQ(event.sender_server(), "a.example");
    EXPECT_EQ(event.typed_sender().localpart(), "alice");
    EXPECT_EQ(event.room_id(), plain_event(version)["room_id"].get<std::string>());
    EXPECT_EQ(event.typed_room_id().view(), event.room_id());
    EXPECT_EQ(event.origin_server_ts(), 1234567890123);
    EXPECT_EQ(event.depth(), 7);
    EXPECT_FALSE(event.state_key());
    EXPECT_FALSE(event.is_state());
    EXPECT_FALSE(event.redacts());
    EXPECT_EQ(event.content()["body"].as_plain_string(), "hello");
    ASSERT_EQ(event.prev_events().size(), 2U);
    EXPECT_TRUE(event.prev_events()[1].starts_with("$p2"));
    ASSERT_EQ(event.auth_events().size(), 1U);
    EXPECT_TRUE(event.auth_events()[0].starts_with("$a1"));
    EXPECT_EQ(event.signatures().at("a.example", "ed25519:0").as_plain_string(), "sig");
    EXPECT_FALSE(event.unsigned_data());
    EXPECT_EQ(event.bytes().find("unsigned"), std::string_view::npos);
    Json without = plain_event(version);
    without.erase("unsigned");
    EXPECT_EQ(event.bytes(), without.dump());
    EXPECT_GE(event.type().data(), event.bytes().data());
    EXPECT_LT(event.type().data(), event.bytes().data() + event.bytes().size());
  }
}

TEST(Event, KeepsUnsignedWhenAsked) {
  const RoomVersion& version = *find_room_version("11");
  const auto parsed =
      Event::parse(plain_event(version).dump(), version, {.keep_unsigned = true, .trusted = true});
  EXPECT_EQ(parsed->event->unsigned_data()["age"].as_int64(), 5);
  const auto without = parse(plain_event(version), version);
  EXPECT_EQ(parsed->event->event_id(), without->event->event_id());
}

TEST(Event, ReadsTextsWithEscapesAsTheyAreMeant) {
  for (const RoomVersion& version : room_versions()) {
    Json json = plain_event(version);
    json["type"] = "quote\"d";
    json["state_key"] = "line\nbreak";
    json["sender"] = "@tab\there:a.example";
    const auto parsed = parse(json, version);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->event->type(), "quote\"d");
    EXPECT_EQ(parsed->event->state_key(), "line\nbreak");
    EXPECT_EQ(parsed->event->sender(), "@tab\there:a.example");
    EXPECT_TRUE(parsed->event->is_state("quote\"d", "line\nbreak"));
  }
}

TEST(Event, HasItsIdFromItsHashOrItsServer) {
  Json json = plain_event(*find_room_version("4"));
  EXPECT_EQ(parse(plain_event(*find_room_version("1")), *find_room_version("1"))->event->event_id(),
            "$event:a.example");
  const std::string v3{parse(json, *find_room_version("3"))->event->event_id()};
  const std::string v4{parse(json, *find_room_version("4"))->event->event_id()};
  EXPECT_EQ(v3.size(), 44U);
  std::string translated = v3;
  std::replace(translated.begin(), translated.end(), '+', '-');
  std::replace(translated.begin(), translated.end(), '/', '_');
  EXPECT_EQ(translated, v4);
  json["signatures"] = Json::object();
  json["unsigned"] = {{"other", 1}};
  json["content"]["body"] = "redacted away";
  EXPECT_EQ(parse(json, *find_room_version("4"))->event->event_id(), v4);
  json["depth"] = 8;
  EXPECT_NE(parse(json, *find_room_version("4"))->event->event_id(), v4);
}

TEST(Event, HasTheHashesThatOthersCompute) {
  std::ifstream file{LARES_TEST_DATA "/hashes.json"};
  const Json data = Json::parse(file);
  int checked = 0;
  for (const auto& test_case : data["cases"]) {
    for (const auto& [range, id] : test_case["ids"].items()) {
      for (const RoomVersion* version : test::versions_in(range)) {
        const auto parsed = parse(test_case["event"], *version, false);
        ASSERT_TRUE(parsed) << describe(parsed.error());
        EXPECT_FALSE(parsed->redacted_for_hash) << test_case["name"];
        EXPECT_EQ(parsed->event->event_id(), id.get<std::string>()) << test_case["name"] << version->id;
        ++checked;
      }
    }
  }
  EXPECT_EQ(checked, 80);
}

TEST(Event, MakesTheRoomsIdInVersionTwelve) {
  const RoomVersion& version = *find_room_version("12");
  Json json = plain_event(version);
  json["type"] = "m.room.create";
  json["state_key"] = "";
  json.erase("room_id");
  const auto parsed = parse(json, version);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->event->room_id().substr(1), parsed->event->event_id().substr(1));
  EXPECT_EQ(parsed->event->room_id()[0], '!');
  EXPECT_EQ(parsed->event->create_event_id(), parsed->event->event_id());
  EXPECT_FALSE(
      parse(plain_event(*find_room_version("11")), *find_room_version("11"))->event->create_event_id());
}

TEST(Event, RefusesWhatLacksAField) {
  for (const RoomVersion& version : room_versions()) {
    std::vector<const char*> names{"type",  "sender",      "room_id",     "content", "origin_server_ts",
                                   "depth", "prev_events", "auth_events", "hashes",  "signatures"};
    if (version.has_event_id_field()) {
      names.push_back("event_id");
    }
    for (const char* name : names) {
      Json json = plain_event(version);
      json.erase(name);
      EXPECT_EQ(fault(json, version.id.data()), std::string{"the event has no "} + name) << version.id;
      json[name] = true;
      EXPECT_EQ(fault(json, version.id.data()), std::string{"the event's "} + name + " is malformed")
          << version.id;
    }
  }
}

TEST(Event, RefusesFieldsOfTheWrongForm) {
  const std::pair<const char*, Json> cases[] = {{"sender", "alice"},
                                                {"sender", "@alice"},
                                                {"sender", "@alice:a b"},
                                                {"room_id", "room"},
                                                {"state_key", 5},
                                                {"state_key", nullptr},
                                                {"depth", -1},
                                                {"depth", "7"},
                                                {"prev_events", {1}},
                                                {"prev_events", {"p"}},
                                                {"auth_events", {{"$a"}}},
                                                {"origin_server_ts", "now"},
                                                {"content", Json::array()}};
  for (const auto& [name, value] : cases) {
    Json json = plain_event(*find_room_version("11"));
    json[name] = value;
    EXPECT_EQ(fault(json, "11"), std::string{"the event's "} + name + " is malformed") << value;
  }
  Json old = plain_event(*find_room_version("1"));
  old["prev_events"] = Json::array({"$p:a"});
  EXPECT_EQ(fault(old, "1"), "the event's prev_events is malformed");
  old["prev_events"] = Json::array({Json::array({"$p:a", {{"sha256", "x"}}, 5})});
  EXPECT_EQ(fault(old, "1"), "the event's prev_events is malformed");
  old = plain_event(*find_room_version("2"));
  old["event_id"] = "$hash";
  EXPECT_EQ(fault(old, "2"), "the event's event_id is malformed");
  Json domainless = plain_event(*find_room_version("12"));
  EXPECT_EQ(fault(domainless, "11"), "the event's room_id is malformed");
}

TEST(Event, LimitsTheNumberOfReferences) {
  Json json = plain_event(*find_room_version("11"));
  for (int i = 0; i < 18; ++i) {
    json["prev_events"].push_back("$x" + std::to_string(i));
  }
  for (int i = 0; i < 9; ++i) {
    json["auth_events"].push_back("$x" + std::to_string(i));
  }
  EXPECT_EQ(fault(json, "11"), "none");
  json["prev_events"].push_back("$y");
  EXPECT_EQ(fault(json, "11"), "the event has too many prev_events");
  json["prev_events"].erase(0);
  json["auth_events"].push_back("$y");
  EXPECT_EQ(fault(json, "11"), "the event has too many auth_events");
}

TEST(Event, CountsFieldsInBytesFromVersionElevenOnAndInCodePointsBefore) {
  const std::string in_both(255, 'x');
  std::string in_code_points;
  for (int i = 0; i < 255; ++i) {
    in_code_points += "é";
  }
  for (const char* name : {"type", "state_key"}) {
    for (const char* version : {"1", "6", "10", "11", "12"}) {
      const bool in_bytes = find_room_version(version)->strict_byte_limits;
      Json json = plain_event(*find_room_version(version));
      json[name] = in_both;
      EXPECT_EQ(fault(json, version), "none");
      const std::string too_long = std::string{"the event's "} + name + " is longer than 255 bytes";
      json[name] = in_code_points;
      EXPECT_EQ(fault(json, version), in_bytes ? too_long : "none") << version;
      json[name] = in_code_points + "é";
      EXPECT_EQ(fault(json, version), too_long) << version;
    }
  }
  Json json = plain_event(*find_room_version("10"));
  json["sender"] = "@" + in_code_points.substr(0, 480) + ":a.example";
  ASSERT_EQ(fault(json, "10"), "none");
  EXPECT_EQ(parse(json, *find_room_version("10"))->event->typed_sender().server(), "a.example");
  EXPECT_EQ(fault(json, "11"), "the event's sender is longer than 255 bytes");
}

TEST(Event, LimitsItsSize) {
  const RoomVersion& version = *find_room_version("11");
  Json json = plain_event(version);
  json.erase("unsigned");
  json["content"]["body"] = "";
  const std::size_t rest = json.dump().size();
  json["content"]["body"] = std::string(kMaxEventBytes - rest, 'x');
  EXPECT_EQ(fault(json, "11"), "none");
  json["unsigned"] = {{"what nobody signed", "does not count"}};
  EXPECT_EQ(fault(json, "11"), "none");
  json["content"]["body"] = std::string(kMaxEventBytes - rest + 1, 'x');
  EXPECT_EQ(fault(json, "11"), "the event is larger than 65536 bytes");
  json["content"]["body"] = std::string(2000000, 'x');
  EXPECT_EQ(fault(json, "11"), "the event is larger than 65536 bytes");
}

TEST(Event, IsAsStrictAboutJsonAsItsVersion) {
  for (const RoomVersion& version : room_versions()) {
    Json json = plain_event(version);
    json["content"]["n"] = 1.5;
    EXPECT_EQ(parse(json, version).has_value(), !version.strict_canonical_json) << version.id;
    json["content"]["n"] = 9007199254740992;
    EXPECT_EQ(parse(json, version).has_value(), !version.strict_canonical_json) << version.id;
    json["content"]["n"] = 9007199254740991;
    EXPECT_TRUE(parse(json, version)) << version.id;
    std::string twice = json.dump();
    twice.insert(1, "\"depth\":7,");
    const auto parsed = Event::parse(twice, version, {.trusted = true});
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().json.code, json::ErrorCode::kDuplicateKey);
  }
}

TEST(Event, LimitsDepthAsItsVersionDoes) {
  Json json = plain_event(*find_room_version("5"));
  json["depth"] = INT64_MAX;
  EXPECT_EQ(fault(json, "5"), "none");
  EXPECT_NE(fault(json, "6"), "none");
  json["depth"] = kMaxDepth;
  EXPECT_EQ(fault(json, "6"), "none");
}

TEST(Event, IsRedactedWhenItsContentHashDoesNotFit) {
  for (const RoomVersion& version : room_versions()) {
    const auto parsed = parse(plain_event(version), version, false);
    ASSERT_TRUE(parsed);
    EXPECT_TRUE(parsed->redacted_for_hash);
    EXPECT_EQ(parsed->event->content().bytes(), "{}");
    const auto trusted = parse(plain_event(version), version, true);
    EXPECT_EQ(parsed->event->event_id(), trusted->event->event_id());
    Json right = plain_event(version);
    right["hashes"]["sha256"] = crypto::base64_encode(content_hash(*trusted->event));
    const auto whole = parse(right, version, false);
    ASSERT_TRUE(whole);
    EXPECT_FALSE(whole->redacted_for_hash);
    EXPECT_EQ(whole->event->content()["body"].as_plain_string(), "hello");
    right["hashes"]["sha256"] = "not base64!";
    EXPECT_FALSE(parse(right, version, false));
    right["hashes"].erase("sha256");
    EXPECT_FALSE(parse(right, version, false));
  }
}

TEST(Event, ReadsWhatARedactionRedacts) {
  for (const RoomVersion& version : room_versions()) {
    Json json = plain_event(version);
    json["redacts"] = "$top";
    json["content"]["redacts"] = "$inside";
    EXPECT_FALSE(parse(json, version)->event->redacts());
    json["type"] = "m.room.redaction";
    EXPECT_EQ(parse(json, version)->event->redacts(), version.redacts_in_content ? "$inside" : "$top");
    json["redacts"] = 1;
    json["content"]["redacts"] = 1;
    EXPECT_FALSE(parse(json, version)->event->redacts());
  }
}

TEST(Event, ComesBackFromWhatWasStored) {
  for (const RoomVersion& version : room_versions()) {
    Json json = plain_event(version);
    json["state_key"] = "";
    json["type"] = "m.room.redaction";
    json["sender"] = "@tab\there:a.example";
    json["redacts"] = "$t";
    json["content"]["redacts"] = "$t";
    const EventPtr event = parse(json, version)->event;
    const std::string header = event->header();
    EXPECT_LE(header.size(), 140U);
    const auto restored = Event::restore(event->bytes(), header, version);
    ASSERT_TRUE(restored);
    const Event& again = **restored;
    EXPECT_EQ(again.event_id(), event->event_id());
    EXPECT_EQ(again.room_id(), event->room_id());
    EXPECT_EQ(again.type(), event->type());
    EXPECT_EQ(again.sender(), event->sender());
    EXPECT_EQ(again.state_key(), "");
    EXPECT_EQ(again.redacts(), "$t");
    EXPECT_EQ(again.depth(), 7);
    EXPECT_EQ(again.origin_server_ts(), event->origin_server_ts());
    EXPECT_EQ(again.content().bytes(), event->content().bytes());
    EXPECT_EQ(again.signatures().bytes(), event->signatures().bytes());
    EXPECT_EQ(again.hashes().bytes(), event->hashes().bytes());
    EXPECT_FALSE(again.unsigned_data());
    EXPECT_EQ(again.prev_events()[1], event->prev_events()[1]);
    EXPECT_EQ(again.auth_events()[0], event->auth_events()[0]);
    EXPECT_EQ(again.header(), header);
  }
}

TEST(Event, RefusesHeadersThatDoNotFit) {
  const RoomVersion& version = *find_room_version("11");
  const EventPtr event = parse(plain_event(version), version)->event;
  const std::string header = event->header();
  EXPECT_FALSE(Event::restore(event->bytes(), "", version));
  EXPECT_FALSE(Event::restore(event->bytes(), "\x02" + header.substr(1), version));
  EXPECT_FALSE(Event::restore("{}", header, version));
  for (std::size_t i = 0; i < header.size(); ++i) {
    static_cast<void>(Event::restore(event->bytes(), header.substr(0, i), version));
    std::string changed = header;
    changed[i] = static_cast<char>(0xFF);
    static_cast<void>(Event::restore(event->bytes(), changed, version));
  }
}

}  // namespace
