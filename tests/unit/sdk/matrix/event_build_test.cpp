// SPDX-License-Identifier: Apache-2.0
#include "test_room.hpp"

#include <lares/matrix/event.hpp>

namespace {

using namespace lares;
using namespace lares::matrix;
using lares::test::Json;

crypto::SigningKey vector_key() {
  crypto::Ed25519Seed seed{};
  EXPECT_TRUE(crypto::base64_decode_to(seed, "YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1"));
  return crypto::SigningKey{"1", seed};
}

TEST(SignEvent, AgreesWithTheSpecificationsVectors) {
  std::ifstream file{LARES_TEST_DATA "/specification_signing.json"};
  const Json data = Json::parse(file);
  for (const auto& vector : data["cases"]) {
    const auto result =
        sign_event_object(vector["event"].dump(), *find_room_version("1"), "domain", vector_key());
    ASSERT_TRUE(result);
    EXPECT_EQ(*result, vector["signed"].dump()) << vector["name"];
  }
}

EventDraft draft_for(const RoomVersion& version) {
  EventDraft draft;
  draft.type = "m.room.message";
  draft.sender = "@alice:a.example";
  draft.room_id =
      version.room_id_is_create_hash ? "!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" : "!room:a.example";
  draft.content = R"({"msgtype":"m.text","body":"hello \u00e9"})";
  draft.origin_server_ts = 1234567890123;
  draft.depth = 7;
  draft.prev_events.emplace_back("$p:a.example");
  draft.auth_events.emplace_back("$a:a.example");
  if (version.has_event_id_field()) {
    draft.event_id = "$e:a.example";
  }
  return draft;
}

TEST(BuildEvent, MakesWhatParseTakes) {
  const auto server = *ServerName::parse("a.example");
  const auto key = test::test_key(1);
  for (const RoomVersion& version : room_versions()) {
    const auto event = build_event(draft_for(version), version, server, key);
    ASSERT_TRUE(event) << version.id << ": " << describe(event.error());
    const auto parsed = Event::parse((*event)->bytes(), version);
    ASSERT_TRUE(parsed) << version.id << ": " << describe(parsed.error());
    EXPECT_FALSE(parsed->redacted_for_hash);
    EXPECT_EQ(parsed->event->event_id(), (*event)->event_id());
    EXPECT_EQ(parsed->event->bytes(), (*event)->bytes());
    EXPECT_EQ(parsed->event->content().bytes(), R"({"body":"hello é","msgtype":"m.text"})");
    crypto::Ed25519Signature signature{};
    ASSERT_TRUE(crypto::base64_decode_to(
        signature, (*event)->signatures().at("a.example", "ed25519:0").as_plain_string().value_or("")));
    EXPECT_TRUE(crypto::verify_ed25519(key.public_key(), signed_bytes(**event), signature));
  }
}

TEST(BuildEvent, HasItsIdBeforeItIsSigned) {
  const auto server = *ServerName::parse("a.example");
  for (const RoomVersion& version : room_versions()) {
    const auto before = build_unsigned(draft_for(version), version);
    const auto after = build_event(draft_for(version), version, server, test::test_key(1));
    ASSERT_TRUE(before && after);
    EXPECT_EQ((*before)->event_id(), (*after)->event_id());
    const auto added = add_signature(**before, server, test::test_key(1));
    EXPECT_EQ((*added)->bytes(), (*after)->bytes());
  }
}

TEST(BuildEvent, PutsTheTargetOfARedactionWhereItBelongs) {
  const auto server = *ServerName::parse("a.example");
  for (const RoomVersion& version : room_versions()) {
    EventDraft draft = draft_for(version);
    draft.type = "m.room.redaction";
    draft.content = R"({"reason":"spam"})";
    draft.redacts = "$bad:a.example";
    const auto event = build_event(draft, version, server, test::test_key(1));
    ASSERT_TRUE(event);
    EXPECT_EQ((*event)->redacts(), "$bad:a.example");
    EXPECT_EQ((*event)->field("redacts").to_string().has_value(), !version.redacts_in_content);
    EXPECT_EQ((*event)->content()["redacts"].to_string().has_value(), version.redacts_in_content);
  }
}

TEST(BuildEvent, IsHeldToTheLimitsInBytes) {
  const RoomVersion& version = *find_room_version("6");
  EventDraft draft = draft_for(version);
  draft.state_key.emplace();
  for (int i = 0; i < 200; ++i) {
    *draft.state_key += "é";
  }
  EXPECT_EQ(build_unsigned(draft, version).error().code, EventErrorCode::kFieldTooLong);
  draft = draft_for(version);
  draft.content = "[]";
  EXPECT_EQ(build_unsigned(draft, version).error().code, EventErrorCode::kJson);
  draft.content = R"({"a":1.5})";
  EXPECT_EQ(build_unsigned(draft, version).error().json.code, json::ErrorCode::kNotAnInteger);
  draft = draft_for(version);
  draft.content = R"({"body":")" + std::string(kMaxEventBytes, 'x') + "\"}";
  EXPECT_EQ(build_unsigned(draft, version).error().code, EventErrorCode::kTooLarge);
  draft = draft_for(version);
  draft.type = "\xFF";
  EXPECT_EQ(build_unsigned(draft, version).error().code, EventErrorCode::kBadField);
}

TEST(BuildEvent, FinishesTemplates) {
  const auto server = *ServerName::parse("a.example");
  const RoomVersion& version = *find_room_version("11");
  const auto event = build_event_from_template(
      R"({"type":"m.room.member","state_key":"@a:a.example","sender":"@a:a.example","room_id":"!r:b.example",
          "content":{"membership":"join"},"origin":"a.example","origin_server_ts":5,"depth":3,"prev_events":["$p"],
          "auth_events":["$x"],"event_id":"$nonsense","unsigned":{"x":1},"hashes":{"sha256":"x"}})",
      version, server, test::test_key(1));
  ASSERT_TRUE(event) << describe(event.error());
  EXPECT_FALSE((*event)->field("event_id"));
  EXPECT_TRUE((*event)->field("origin"));
  EXPECT_FALSE(Event::parse((*event)->bytes(), version)->redacted_for_hash);
}

TEST(AddSignature, KeepsIdAndOtherSignatures) {
  const RoomVersion& version = *find_room_version("11");
  const auto event =
      *build_event(draft_for(version), version, *ServerName::parse("a.example"), test::test_key(1));
  const auto both = *add_signature(*event, *ServerName::parse("b.example"), test::test_key(2));
  EXPECT_EQ(both->event_id(), event->event_id());
  EXPECT_TRUE(both->signatures().at("a.example", "ed25519:0"));
  EXPECT_TRUE(both->signatures().at("b.example", "ed25519:0"));
  EXPECT_EQ(content_hash(*both), content_hash(*event));
  EXPECT_EQ(reference_hash(*both), reference_hash(*event));
}

TEST(EventReference, CarriesTheHashInOldVersions) {
  const RoomVersion& version = *find_room_version("1");
  const auto server = *ServerName::parse("a.example");
  const auto first = *build_event(draft_for(version), version, server, test::test_key(1));
  EventDraft next = draft_for(version);
  next.prev_events = {EventReference{*first}};
  const auto second = *build_event(next, version, server, test::test_key(1));
  EXPECT_NE(second->bytes().find(crypto::base64_encode(reference_hash(*first))), std::string_view::npos);
}

}  // namespace
