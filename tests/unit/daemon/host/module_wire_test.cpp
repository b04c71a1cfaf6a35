// SPDX-License-Identifier: Apache-2.0
#include <host/module_question.hpp>
#include <host/module_wire.hpp>

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace lares::host::wire {
namespace {

std::string payload(Writer writer) {
  const auto frame = std::move(writer).finish();
  EXPECT_EQ(static_cast<unsigned char>(frame[0]), (frame.size() - kLengthBytes) & 0xFF);
  return frame.substr(kLengthBytes);
}

TEST(ModuleWire, CarriesNumbersTextsAndHandles) {
  Writer writer(Kind::Ask);
  writer.completion({{7, ~std::uint64_t{0}}}).number(5).text("text").text(lares_text_view{}).text("");
  const auto bytes = payload(std::move(writer));
  Reader reader(bytes);
  EXPECT_EQ(reader.kind(), Kind::Ask);
  const auto completion = reader.completion();
  EXPECT_EQ(completion.handle.index, 7u);
  EXPECT_EQ(completion.handle.generation, ~std::uint64_t{0});
  EXPECT_EQ(reader.number(), 5u);
  EXPECT_EQ(text_of(reader.text()), "text");
  EXPECT_EQ(reader.text().data, nullptr);
  const auto empty = reader.text();
  EXPECT_NE(empty.data, nullptr);
  EXPECT_EQ(empty.size, 0u);
  EXPECT_TRUE(reader.ok());
}

TEST(ModuleWire, CarriesEveryQuestion) {
  lares_event_view event{};
  event.json = view_of("{}");
  event.type = view_of("m.room.message");
  event.origin_server_ts = -5;
  lares_invite_view invite{};
  invite.federated = 1;
  invite.invitee = view_of("@b:hs");
  lares_join_view join{};
  join.room_id = view_of("!r:hs");
  lares_create_room_view room{};
  room.request = view_of("{}");
  for (const Question& question : {Question(event), Question(invite), Question(join), Question(room)}) {
    Writer writer(Kind::Ask);
    write_question(writer, question);
    const auto bytes = payload(std::move(writer));
    Reader reader(bytes);
    const auto got = read_question(reader);
    ASSERT_TRUE(got);
    EXPECT_TRUE(reader.ok());
    EXPECT_EQ(got->index(), question.index());
    if (const auto* e = std::get_if<lares_event_view>(&*got)) {
      EXPECT_EQ(text_of(e->type), "m.room.message");
      EXPECT_EQ(e->origin_server_ts, -5);
      EXPECT_EQ(e->state_key.data, nullptr);
    } else if (const auto* i = std::get_if<lares_invite_view>(&*got)) {
      EXPECT_EQ(i->federated, 1u);
      EXPECT_EQ(text_of(i->invitee), "@b:hs");
    }
  }
}

TEST(ModuleWire, StaysInsideOfDamagedFrames) {
  Writer writer(Kind::Answer);
  writer.completion({{1, 2}}).number(0).text("message");
  write_verdict(
      writer, lares_spam_verdict_view{sizeof(lares_spam_verdict_view), 1, view_of("M_X"), view_of("no"), {}});
  const auto whole = payload(std::move(writer));
  std::mt19937 random(3);
  for (int round = 0; round < 20'000; ++round) {
    auto bytes = whole.substr(0, random() % (whole.size() + 1));
    if (!bytes.empty()) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    const std::string copy(bytes);
    Reader reader(copy);
    reader.completion();
    reader.number();
    for (const auto text : {reader.text()}) {
      if (text.data != nullptr) {
        EXPECT_GE(text.data, copy.data());
        EXPECT_LE(text.data + text.size, copy.data() + copy.size());
      }
    }
    static_cast<void>(read_verdict(reader));
    Reader question(copy);
    static_cast<void>(read_question(question));
  }
  EXPECT_FALSE(Reader("").ok());
}

TEST(ModuleVerdict, IsCheckedBeforeItReachesAClient) {
  EXPECT_EQ(take_verdict(nullptr).status, LARES_INVALID);
  lares_spam_verdict_view verdict{};
  verdict.struct_size = sizeof(verdict);
  EXPECT_TRUE(take_verdict(&verdict).verdict.allowed);
  verdict.decision = 7;
  EXPECT_EQ(take_verdict(&verdict).status, LARES_INVALID);
  verdict.decision = LARES_SPAM_DENY;
  verdict.errcode = view_of("no code\r\n");
  verdict.extra_fields = view_of("[1]");
  auto answer = take_verdict(&verdict);
  EXPECT_EQ(answer.verdict.errcode, "M_FORBIDDEN");
  EXPECT_EQ(answer.verdict.message, "This server does not allow it.");
  EXPECT_EQ(answer.verdict.extra_fields, "");
  verdict.errcode = view_of("ORG.EXAMPLE_NO");
  verdict.extra_fields = view_of(R"({"a":1})");
  answer = take_verdict(&verdict);
  EXPECT_EQ(answer.verdict.errcode, "ORG.EXAMPLE_NO");
  EXPECT_EQ(answer.verdict.extra_fields, R"({"a":1})");
}

TEST(ModuleVerdict, IsCutBetweenCharacters) {
  lares_spam_verdict_view verdict{};
  verdict.struct_size = sizeof(verdict);
  verdict.decision = LARES_SPAM_DENY;
  const auto said = [&verdict](const std::string& message) {
    verdict.message = view_of(message);
    return take_verdict(&verdict).verdict.message;
  };
  EXPECT_EQ(said(std::string(2000, 'x')), std::string(1024, 'x'));
  EXPECT_EQ(said(std::string(1023, 'x') + "\u00e9"), std::string(1023, 'x'));
  EXPECT_EQ(said(std::string(1022, 'x') + "\u00e9"), std::string(1022, 'x') + "\u00e9");
  EXPECT_EQ(said("caf\xe9 latin"), "caf");
  EXPECT_EQ(said("\xe9"), "This server does not allow it.");
}

}  // namespace
}  // namespace lares::host::wire
