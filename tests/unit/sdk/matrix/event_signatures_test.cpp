// SPDX-License-Identifier: Apache-2.0
#include "test_room.hpp"

#include <lares/matrix/event_signatures.hpp>

#include <map>

namespace {

using namespace lares;
using namespace lares::matrix;
using lares::test::Json;
using lares::test::test_key;
using Code = SignatureFailureCode;

class Keys : public KeyLookup {
 public:
  std::optional<KnownKey> find(std::string_view server, std::string_view key_id) const override {
    const auto found = keys_.find(std::string{server} + " " + std::string{key_id});
    return found == keys_.end() ? std::nullopt : std::optional{found->second};
  }
  void add(const std::string& server, const crypto::SigningKey& key, std::int64_t until = 1'000'000) {
    keys_[server + " " + key.id()] = {key.public_key(), until};
  }

 private:
  std::map<std::string, KnownKey> keys_;
};

EventPtr signed_event(const RoomVersion& version, const Json& content = {{"body", "x"}},
                      const char* type = "m.room.message") {
  EventDraft draft;
  draft.type = type;
  draft.sender = "@alice:a.example";
  if (std::string_view{type} == "m.room.member") {
    draft.state_key = content.value("membership", "") == "invite" ? "@bob:b.example" : "@alice:a.example";
  }
  draft.room_id =
      version.room_id_is_create_hash ? "!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" : "!room:a.example";
  draft.content = content.dump();
  draft.origin_server_ts = 5000;
  draft.event_id = "$e:a.example";
  return *build_event(draft, version, *ServerName::parse("a.example"), test_key(1));
}

std::vector<std::string> signers(const Event& event) {
  std::vector<std::string> names;
  for (const RequiredSigner& signer : required_signers(event)) {
    names.push_back(signer.server);
  }
  return names;
}

using Names = std::vector<std::string>;

TEST(RequiredSigners, AreSenderAndInOldVersionsTheServerOfTheId) {
  for (const RoomVersion& version : room_versions()) {
    EXPECT_EQ(signers(*signed_event(version)), Names{"a.example"});
  }
  const RoomVersion& version = *find_room_version("2");
  Json json = Json::parse(signed_event(version)->bytes());
  json["event_id"] = "$e:c.example";
  EXPECT_EQ(signers(*Event::parse(json.dump(), version, {.trusted = true})->event),
            (Names{"a.example", "c.example"}));
}

TEST(RequiredSigners, IncludeTheServerThatAuthorisesARestrictedJoin) {
  const Json content{{"membership", "join"}, {"join_authorised_via_users_server", "@carl:c.example"}};
  EXPECT_EQ(signers(*signed_event(*find_room_version("7"), content, "m.room.member")), Names{"a.example"});
  for (const char* id : {"8", "10", "11", "12"}) {
    EXPECT_EQ(signers(*signed_event(*find_room_version(id), content, "m.room.member")),
              (Names{"a.example", "c.example"}));
  }
  const Json nobody{{"membership", "join"}, {"join_authorised_via_users_server", 5}};
  EXPECT_EQ(signers(*signed_event(*find_room_version("11"), nobody, "m.room.member")),
            (Names{"a.example", ""}));
}

TEST(RequiredSigners, AreNoneForAThirdPartyInvite) {
  const Json content{{"membership", "invite"}, {"third_party_invite", Json::object()}};
  EXPECT_EQ(signers(*signed_event(*find_room_version("11"), content, "m.room.member")), Names{});
  EXPECT_EQ(signers(*signed_event(*find_room_version("1"), content, "m.room.member")), Names{"a.example"});
}

TEST(VerifyEventSignatures, TakesAValidSignature) {
  Keys keys;
  keys.add("a.example", test_key(1));
  for (const RoomVersion& version : room_versions()) {
    const EventPtr event = signed_event(version);
    EXPECT_TRUE(verify_event_signatures(*event, keys));
    EXPECT_TRUE(verify_event_signatures(*redact(*event), keys));
    const auto needed = keys_needed(*event);
    ASSERT_EQ(needed.size(), 1U);
    EXPECT_EQ(needed[0].key_id, "ed25519:0");
    EXPECT_EQ(needed[0].valid_at_ts, version.enforce_key_validity ? 5000 : 0);
  }
}

TEST(VerifyEventSignatures, SaysWhatIsWrong) {
  const RoomVersion& version = *find_room_version("11");
  const EventPtr event = signed_event(version);
  Keys none;
  EXPECT_EQ(verify_event_signatures(*event, none).error().code, Code::kUnknownKey);
  Keys other;
  other.add("a.example", crypto::SigningKey{"0", test_key(2).seed()});
  EXPECT_EQ(verify_event_signatures(*event, other).error().code, Code::kWrong);
  Json json = Json::parse(event->bytes());
  json["signatures"] = {{"b.example", json["signatures"]["a.example"]}};
  Keys keys;
  keys.add("a.example", test_key(1));
  keys.add("b.example", test_key(1));
  EXPECT_EQ(verify_event_signatures(*Event::parse(json.dump(), version)->event, keys).error().code,
            Code::kNoSignature);
  json = Json::parse(event->bytes());
  json["depth"] = 99;
  EXPECT_EQ(verify_event_signatures(*Event::parse(json.dump(), version, {.trusted = true})->event, keys)
                .error()
                .code,
            Code::kWrong);
}

TEST(VerifyEventSignatures, EnforcesValidityFromVersionFiveOn) {
  Keys keys;
  keys.add("a.example", test_key(1), 4999);
  EXPECT_TRUE(verify_event_signatures(*signed_event(*find_room_version("4")), keys));
  EXPECT_EQ(verify_event_signatures(*signed_event(*find_room_version("5")), keys).error().code,
            Code::kKeyExpired);
  keys.add("a.example", test_key(1), 5000);
  EXPECT_TRUE(verify_event_signatures(*signed_event(*find_room_version("5")), keys));
}

TEST(VerifyEventSignatures, OverlooksUnknownKeysButNoWrongSignature) {
  const RoomVersion& version = *find_room_version("11");
  const EventPtr event = signed_event(version);
  Json json = Json::parse(event->bytes());
  json["signatures"]["a.example"]["ed25519:unknown"] = "AAAA";
  json["signatures"]["a.example"]["other:1"] = "AAAA";
  Keys keys;
  keys.add("a.example", test_key(1));
  EXPECT_TRUE(verify_event_signatures(*Event::parse(json.dump(), version)->event, keys));
  keys.add("a.example", crypto::SigningKey{"unknown", test_key(3).seed()});
  EXPECT_EQ(verify_event_signatures(*Event::parse(json.dump(), version)->event, keys).error().code,
            Code::kWrong);
}

TEST(VerifyEventSignatures, AsksTheAuthorisingServerForItsSignature) {
  const RoomVersion& version = *find_room_version("10");
  const EventPtr join =
      signed_event(version, {{"membership", "join"}, {"join_authorised_via_users_server", "@c:c.example"}},
                   "m.room.member");
  Keys keys;
  keys.add("a.example", test_key(1));
  keys.add("c.example", test_key(4));
  EXPECT_EQ(verify_event_signatures(*join, keys).error().server, "c.example");
  const EventPtr both = *add_signature(*join, *ServerName::parse("c.example"), test_key(4));
  EXPECT_TRUE(verify_event_signatures(*both, keys));
}

TEST(VerifyEventSignatures, ChecksManyAtOnce) {
  const RoomVersion& version = *find_room_version("11");
  Keys keys;
  keys.add("a.example", test_key(1));
  const EventPtr good = signed_event(version);
  const EventPtr bad = redact(*signed_event(
      version, {{"membership", "join"}, {"join_authorised_via_users_server", "@c:c"}}, "m.room.member"));
  std::vector<SignatureTask> tasks(4);
  tasks[0].event = tasks[2].event = good.get();
  tasks[1].event = tasks[3].event = bad.get();
  verify_event_signatures(tasks, keys, [](std::size_t count, const std::function<void(std::size_t)>& run) {
    for (std::size_t i = count; i > 0; --i) {
      run(i - 1);
    }
  });
  EXPECT_TRUE(tasks[0].result && tasks[2].result);
  EXPECT_FALSE(tasks[1].result || tasks[3].result);
}

}  // namespace
