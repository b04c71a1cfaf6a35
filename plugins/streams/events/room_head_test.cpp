// SPDX-License-Identifier: Apache-2.0
#include "room_head.hpp"

#include <lares/crypto/base64.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/matrix/event_auth.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lares::events {
namespace {

using service::NewEvent;

crypto::SigningKey test_key() {
  crypto::Ed25519Seed seed{};
  seed.fill(7);
  return crypto::SigningKey{"0", seed};
}

/// A room in memory, as its writer leads it: numbers are given one after the other.
class MemoryRoom {
 public:
  explicit MemoryRoom(std::string_view version) : version_{*matrix::find_room_version(version)} {
    std::string content = R"({"room_version":")" + std::string{version} + '"';
    if (!version_.implicit_creator) {
      content += R"(,"creator":"@creator:a.example")";
    }
    const NewEvent create = event("m.room.create", "", content + '}');
    std::optional<std::string> room_id;
    if (!version_.room_id_is_create_hash) {
      room_id = "!room:a.example";
    }
    create_ = build_create_event(create, version_, room_id, kNow, server_, key_);
    head_.emplace(1, *matrix::RoomId::parse(create_->room_id()), version_);
  }

  [[nodiscard]] static NewEvent event(std::string type, std::optional<std::string> state_key,
                                      std::string content, std::string_view sender = "@creator:a.example") {
    return {.type = std::move(type),
            .state_key = std::move(state_key),
            .sender = *matrix::UserId::parse(sender),
            .content = std::move(content),
            .redacts = {},
            .origin_server_ts = 0};
  }
  [[nodiscard]] static NewEvent membership(std::string_view user, std::string_view value) {
    return event("m.room.member", std::string{user}, R"({"membership":")" + std::string{value} + R"("})",
                 user);
  }
  [[nodiscard]] static NewEvent message(std::string_view sender = "@creator:a.example") {
    return event("m.room.message", std::nullopt, R"({"msgtype":"m.text","body":"hello"})", sender);
  }

  PreparedEvent create() { return head_->append_built(create_, numbers(true), nullptr); }
  PreparedEvent append(const NewEvent& event, const RedactionTarget* target = nullptr) {
    return head_->append(event, numbers(event.state_key.has_value()), target, kNow, server_, key_);
  }
  /// What a client's room begins with.
  void begin() {
    create();
    append(membership("@creator:a.example", "join"));
    append(event("m.room.power_levels", "", power_levels()));
    append(event("m.room.join_rules", "", R"({"join_rule":"public"})"));
  }
  [[nodiscard]] std::string power_levels() const {
    // The creators of version 12 stand above all levels and may not be named.
    return version_.room_id_is_create_hash ? R"({"users":{"@mod:a.example":50}})"
                                           : R"({"users":{"@creator:a.example":100,"@mod:a.example":50}})";
  }

  [[nodiscard]] RoomHead& head() { return *head_; }
  [[nodiscard]] const matrix::EventPtr& create_event() const { return create_; }

  static constexpr std::int64_t kNow = 1'700'000'000'000;

 private:
  Interned numbers(bool state) {
    ++last_;
    return {.event = last_, .sender = 500, .state_key = state ? 1000 + last_ : 0, .member = 600};
  }

  const matrix::RoomVersion& version_;
  matrix::ServerName server_ = *matrix::ServerName::parse("a.example");
  crypto::SigningKey key_ = test_key();
  matrix::EventPtr create_;
  std::optional<RoomHead> head_;
  std::int64_t last_ = 0;
};

int status_of(const auto& action) {
  try {
    action();
    return 200;
  } catch (const http::MatrixError& error) {
    EXPECT_EQ(error.errcode(), "M_FORBIDDEN");
    return error.status();
  }
}

class RoomHeadOf : public ::testing::TestWithParam<const char*> {
 protected:
  MemoryRoom room_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(RoomVersions, RoomHeadOf, ::testing::Values("1", "2", "3", "10", "11", "12"));

TEST_P(RoomHeadOf, LeadsANewRoomToItsFirstMessage) {
  EXPECT_FALSE(room_.head().exists());
  const PreparedEvent create = room_.create();
  EXPECT_TRUE(room_.head().exists());
  EXPECT_EQ(create.stored->depth, 1);
  EXPECT_EQ(create.stored->state_before, 0);
  EXPECT_NE(create.stored->state_after, 0);

  const PreparedEvent join = room_.append(MemoryRoom::membership("@creator:a.example", "join"));
  EXPECT_EQ(join.membership, MembershipCode::kJoin);
  EXPECT_EQ(join.member, 600);
  EXPECT_EQ(join.stored->depth, 2);
  EXPECT_EQ(join.stored->state_before, create.stored->state_after);

  room_.append(MemoryRoom::event("m.room.power_levels", "", room_.power_levels()));
  const PreparedEvent message = room_.append(MemoryRoom::message());
  EXPECT_EQ(message.stored->depth, 4);
  EXPECT_EQ(message.stored->number, 4);
  EXPECT_EQ(message.stored->room, 1);
  EXPECT_EQ(message.stored->sender, 500);
  EXPECT_EQ(message.state_key, 0);
  EXPECT_EQ(message.stored->state_before, message.stored->state_after);
  EXPECT_EQ(message.stored->event->room_id(), room_.head().id().view());
  ASSERT_EQ(std::ranges::distance(message.stored->event->prev_events()), 1);
  // From version 12 on the create event is no auth event, since the room's id names it.
  EXPECT_EQ(std::ranges::distance(message.stored->event->auth_events()),
            std::string_view{GetParam()} == "12" ? 2 : 3);
}

TEST_P(RoomHeadOf, RefusesAStrangersMessage) {
  room_.begin();
  const HeadRow before = room_.head().row();
  const std::size_t bytes = room_.head().memory_bytes();
  EXPECT_EQ(status_of([this] { room_.append(MemoryRoom::message("@stranger:a.example")); }), 403);
  EXPECT_EQ(
      status_of([this] { room_.head().check(MemoryRoom::message("@stranger:a.example"), MemoryRoom::kNow); }),
      403);
  EXPECT_EQ(room_.head().row().extremities, before.extremities);
  EXPECT_EQ(room_.head().row().state, before.state);
  EXPECT_EQ(room_.head().memory_bytes(), bytes);
}

TEST_P(RoomHeadOf, HoldsMembersToTheirPowerLevels) {
  room_.begin();
  room_.append(MemoryRoom::membership("@user:a.example", "join"));
  room_.append(MemoryRoom::membership("@mod:a.example", "join"));
  room_.append(MemoryRoom::message("@user:a.example"));
  const auto name = [](std::string_view sender) {
    return MemoryRoom::event("m.room.name", "", R"({"name":"x"})", sender);
  };
  EXPECT_EQ(status_of([&] { room_.append(name("@user:a.example")); }), 403);
  EXPECT_EQ(status_of([&] { room_.append(name("@mod:a.example")); }), 200);
}

TEST_P(RoomHeadOf, BackToMarkTakesEverythingBackThatCameSince) {
  room_.begin();
  static_cast<void>(room_.head().take_new_blocks());
  room_.append(MemoryRoom::event("m.room.topic", "", R"({"topic":"before"})"));
  static_cast<void>(room_.head().take_new_blocks());
  const HeadRow before = room_.head().row();
  const std::size_t bytes = room_.head().memory_bytes();
  const matrix::EventPtr topic = room_.head().find("m.room.topic", "")->event;

  room_.head().mark();
  room_.append(MemoryRoom::event("m.room.topic", "", R"({"topic":"after"})"));
  room_.append(MemoryRoom::event("m.room.topic", "", R"({"topic":"after that, and longer"})"));
  room_.append(MemoryRoom::event("m.room.name", "", R"({"name":"new"})"));
  room_.append(MemoryRoom::message());
  EXPECT_NE(room_.head().row().state, before.state);
  EXPECT_GT(room_.head().memory_bytes(), bytes);
  room_.head().back_to_mark();

  EXPECT_EQ(room_.head().row().state, before.state);
  EXPECT_EQ(room_.head().row().next_block, before.next_block);
  EXPECT_EQ(room_.head().row().extremities, before.extremities);
  EXPECT_EQ(room_.head().memory_bytes(), bytes);
  EXPECT_TRUE(room_.head().take_new_blocks().empty());
  ASSERT_NE(room_.head().find("m.room.topic", ""), nullptr);
  EXPECT_EQ(room_.head().find("m.room.topic", "")->event, topic);
  EXPECT_EQ(room_.head().find("m.room.name", ""), nullptr);
  // Without a mark there is nothing to take back.
  room_.head().back_to_mark();
  EXPECT_EQ(room_.append(MemoryRoom::message()).stored->depth, 6);
}

TEST_P(RoomHeadOf, KnowsTheStateThatSaysTheSame) {
  room_.begin();
  const PreparedEvent name = room_.append(MemoryRoom::event("m.room.name", "", R"({"name":"x","a":1})"));
  const auto same = [this](std::string type, std::string content,
                           std::string_view sender = "@creator:a.example") {
    return room_.head().same_state(MemoryRoom::event(std::move(type), "", std::move(content), sender));
  };
  const StateEntry* found = same("m.room.name", R"({ "a": 1, "name": "x" })");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->number, name.stored->number);
  EXPECT_EQ(same("m.room.name", R"({"name":"y","a":1})"), nullptr);
  EXPECT_EQ(same("m.room.topic", R"({"name":"x","a":1})"), nullptr);
  EXPECT_EQ(same("m.room.name", R"({"name":"x","a":1})", "@mod:a.example"), nullptr);
  EXPECT_EQ(same("m.room.name", "no JSON"), nullptr);
  EXPECT_EQ(room_.head().same_state(MemoryRoom::message()), nullptr);
}

TEST_P(RoomHeadOf, RedactsWhatTheSenderMayRedact) {
  room_.begin();
  room_.append(MemoryRoom::membership("@user:a.example", "join"));
  room_.append(MemoryRoom::membership("@other:a.example", "join"));
  const PreparedEvent message = room_.append(MemoryRoom::message("@user:a.example"));
  const RedactionTarget target{message.stored->event, message.stored->number};
  NewEvent redaction = MemoryRoom::event("m.room.redaction", std::nullopt, "{}", "@user:a.example");
  redaction.redacts = std::string{message.stored->event->event_id()};
  EXPECT_EQ(room_.append(redaction, &target).redacts, message.stored->number);
}

TEST_P(RoomHeadOf, WhatTheRoomWasMadeWithIsNotRedacted) {
  const PreparedEvent create = room_.create();
  room_.append(MemoryRoom::membership("@creator:a.example", "join"));
  const RedactionTarget target{create.stored->event, create.stored->number};
  NewEvent redaction = MemoryRoom::event("m.room.redaction", std::nullopt, "{}");
  redaction.redacts = std::string{create.stored->event->event_id()};
  EXPECT_THROW(room_.append(redaction, &target), http::MatrixError);
}

TEST_P(RoomHeadOf, WhatARedactedStateSaidIsNotSaidAnyMore) {
  room_.begin();
  const NewEvent topic = MemoryRoom::event("m.room.topic", "", R"({"topic":"x"})");
  const PreparedEvent said = room_.append(topic);
  const std::string id{said.stored->event->event_id()};
  const RedactionTarget target{said.stored->event, said.stored->number};
  NewEvent redaction = MemoryRoom::event("m.room.redaction", std::nullopt, "{}");
  redaction.redacts = id;
  room_.head().mark();
  room_.append(redaction, &target);
  // To say it again is something new, and what is in force is the event that was redacted.
  EXPECT_EQ(room_.head().same_state(topic), nullptr);
  ASSERT_NE(room_.head().find("m.room.topic", ""), nullptr);
  EXPECT_EQ(room_.head().find("m.room.topic", "")->event->event_id(), id);
  EXPECT_EQ(room_.head().find("m.room.topic", "")->event->content().bytes(), "{}");
  room_.head().back_to_mark();
  EXPECT_NE(room_.head().same_state(topic), nullptr);
  // What another took the place of is no state any more.
  const NewEvent other = MemoryRoom::event("m.room.topic", "", R"({"topic":"y"})");
  room_.append(other);
  room_.append(redaction, &target);
  EXPECT_NE(room_.head().same_state(other), nullptr);
}

TEST(RoomHead, AnEventTiesTheRoomTogether) {
  const matrix::RoomVersion& version = *matrix::find_room_version("10");
  MemoryRoom source{"10"};
  source.begin();
  std::vector<Extremity> extremities;
  for (std::int64_t i = 1; i <= 12; ++i) {
    extremities.push_back({i, 20 + i, "$" + std::to_string(i) + std::string(41, 'A')});
  }
  RoomHead head{1, source.head().id(), version, 0, 1, extremities};
  for (const auto& [type, key] : std::vector<std::pair<std::string, std::string>>{
           {"m.room.create", ""}, {"m.room.member", "@creator:a.example"}, {"m.room.power_levels", ""}}) {
    head.learn(type, key, *source.head().find(type, key));
  }
  const PreparedEvent message =
      head.append(MemoryRoom::message(), {.event = 50, .sender = 1}, nullptr, MemoryRoom::kNow,
                  *matrix::ServerName::parse("a.example"), test_key());
  EXPECT_EQ(std::ranges::distance(message.stored->event->prev_events()), 10);
  EXPECT_EQ(message.stored->depth, 33);
  // The two oldest are left for the next event.
  const auto left = decode_extremities(head.row().extremities);
  ASSERT_TRUE(left);
  ASSERT_EQ(left->size(), 3U);
  EXPECT_EQ((*left)[0].number, 1);
  EXPECT_EQ((*left)[1].number, 2);
  EXPECT_EQ((*left)[2].number, 50);
}

TEST(RoomHead, WhatIsAtHandIsNewerThanWhatIsLoaded) {
  MemoryRoom room{"11"};
  room.begin();
  const matrix::EventPtr rules = room.head().find("m.room.join_rules", "")->event;
  const std::size_t bytes = room.head().memory_bytes();
  room.head().learn("m.room.join_rules", "", {});
  EXPECT_EQ(room.head().find("m.room.join_rules", "")->event, rules);
  EXPECT_EQ(room.head().memory_bytes(), bytes);
  room.head().learn("m.room.name", "", {});
  ASSERT_NE(room.head().find("m.room.name", ""), nullptr);
  EXPECT_EQ(room.head().find("m.room.name", "")->event, nullptr);
}

TEST(RoomHead, RefusesWhatIsNoEvent) {
  MemoryRoom room{"11"};
  room.begin();
  const auto code_of = [&room](std::string type, std::string content) {
    try {
      room.append(MemoryRoom::event(std::move(type), std::nullopt, std::move(content)));
    } catch (const http::MatrixError& error) {
      return std::string{error.errcode()};
    }
    return std::string{};
  };
  EXPECT_EQ(code_of("m.room.message", R"({"body":")" + std::string(70'000, 'x') + R"("})"), "M_TOO_LARGE");
  EXPECT_EQ(code_of(std::string(300, 't'), "{}"), "M_TOO_LARGE");
  EXPECT_EQ(code_of("m.room.message", "no JSON"), "M_BAD_JSON");
  EXPECT_EQ(code_of("m.room.message", "[]"), "M_BAD_JSON");
  EXPECT_EQ(code_of("m.room.message", R"({"x":1.5})"), "M_BAD_JSON");
}

TEST(RoomExtremities, AreReadBackAsTheyWereWritten) {
  const std::vector<Extremity> extremities{{7, 12, "$one:a.example"}, {9223372036854775807, 0, "$two"}};
  const auto read = decode_extremities(encode_extremities(extremities));
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ((*read)[i].number, extremities[i].number);
    EXPECT_EQ((*read)[i].depth, extremities[i].depth);
    EXPECT_EQ((*read)[i].event_id, extremities[i].event_id);
  }
  EXPECT_EQ(encode_extremities({}), "");
  EXPECT_TRUE(decode_extremities("")->empty());
}

TEST(RoomExtremities, KeepTheHashThatOldVersionsName) {
  crypto::Sha256Digest hash{};
  hash.fill(0xe7);
  const auto read =
      decode_extremities(encode_extremities(std::vector<Extremity>{{7, 12, "$a b:c", hash}, {8, 1, "$d"}}));
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ((*read)[0].event_id, "$a b:c");
  EXPECT_EQ((*read)[0].reference_hash, hash);
  EXPECT_EQ((*read)[1].reference_hash, std::nullopt);
}

TEST(RoomHead, InOldVersionsEveryEventHasItsOwnIdAndNamesTheHashOfTheOneBefore) {
  for (const char* version : {"1", "2"}) {
    MemoryRoom room{version};
    room.begin();
    const matrix::EventPtr first = room.append(MemoryRoom::message()).stored->event;
    const matrix::EventPtr second = room.append(MemoryRoom::message()).stored->event;
    EXPECT_NE(first->event_id(), second->event_id());
    EXPECT_TRUE(first->event_id().ends_with(":a.example")) << first->event_id();
    const std::string hash = crypto::base64_encode(matrix::EventReference{*first}.reference_hash);
    EXPECT_NE(second->bytes().find('"' + std::string{first->event_id()} + R"(",{"sha256":")" + hash),
              std::string::npos)
        << second->bytes();
    // As another process, or this one after a start, reads it.
    const auto kept = decode_extremities(room.head().row().extremities);
    ASSERT_TRUE(kept);
    ASSERT_EQ(kept->size(), 1U);
    EXPECT_EQ(kept->front().reference_hash, matrix::EventReference{*second}.reference_hash);
    EXPECT_EQ(kept->front().event_id, second->event_id());
  }
}

TEST(RoomExtremities, RefuseOtherBytes) {
  for (const std::string_view bytes :
       {"x", "\n", "1\n", "1 2\n", "1 2 $a", "1 x $a\n", "x 2 $a\n", " 2 $a\n", "1  $a\n", "1 2 $a\n3",
        "1\n2 3 $a\n", "99999999999999999999 1 $a\n", "1 2 \n", "1 2 =\n", "1 2 =x $a\n", "1 2 = $a\n"}) {
    EXPECT_EQ(decode_extremities(bytes), std::nullopt) << bytes;
  }
}

}  // namespace
}  // namespace lares::events
