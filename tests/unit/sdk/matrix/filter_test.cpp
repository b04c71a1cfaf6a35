// SPDX-License-Identifier: Apache-2.0
#include "test_room.hpp"

#include <lares/matrix/filter.hpp>

namespace {

using namespace lares;
using namespace lares::matrix;
using lares::test::Json;

EventFilter section(const char* text) {
  auto filter = EventFilter::parse(Json::parse(text));
  EXPECT_TRUE(filter) << text << ": " << (filter ? "" : filter.error());
  return filter ? *std::move(filter) : EventFilter{};
}

Filter whole(const char* text) {
  auto filter = Filter::parse(Json::parse(text));
  EXPECT_TRUE(filter) << text << ": " << (filter ? "" : filter.error());
  return filter ? *std::move(filter) : Filter{};
}

TEST(EventFilter, AnEmptyOneLetsEverythingThrough) {
  for (const char* text : {"{}", R"({"types":null,"not_rooms":null,"contains_url":null,"limit":null})",
                           R"({"limit":5,"lazy_load_members":true,"org.example":1})"}) {
    const EventFilter filter = section(text);
    EXPECT_TRUE(filter.trivial()) << text;
    EXPECT_TRUE(filter.matches("m.room.message", "@a:b")) << text;
    EXPECT_TRUE(filter.matches_room("!a:b")) << text;
  }
}

TEST(EventFilter, StarStandsForAnyRunOfCharacters) {
  const EventFilter filter = section(R"({"types":["m.room.*","*.name","a*b*c"]})");
  EXPECT_FALSE(filter.trivial());
  for (const char* type :
       {"m.room.message", "m.room.", "org.example.name", ".name", "abc", "axxbyyc", "abbcc"}) {
    EXPECT_TRUE(filter.matches(type, "")) << type;
  }
  for (const char* type : {"m.room", "xm.room.y", "name", "org.name.x", "ab", "acb", ""}) {
    EXPECT_FALSE(filter.matches(type, "")) << type;
  }
}

TEST(EventFilter, NothingButStarIsSpecial) {
  const EventFilter filter = section(R"({"types":["m.?","[a]","x\\*"]})");
  EXPECT_FALSE(filter.matches("m.x", ""));
  EXPECT_TRUE(filter.matches("m.?", ""));
  EXPECT_FALSE(filter.matches("a", ""));
  EXPECT_TRUE(filter.matches("x\\y", ""));
}

TEST(EventFilter, ManyStarsDoNotTakeLong) {
  Json object = {{"types", {"*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"}}};
  const auto filter = EventFilter::parse(object);
  ASSERT_TRUE(filter);
  EXPECT_FALSE(filter->matches(std::string(20'000, 'a'), ""));
}

TEST(EventFilter, AnEmptyListLetsNothingThrough) {
  EXPECT_FALSE(section(R"({"types":[]})").matches("m.room.message", "@a:b"));
  EXPECT_FALSE(section(R"({"senders":[]})").matches("m.room.message", "@a:b"));
  EXPECT_FALSE(section(R"({"rooms":[]})").matches_room("!a:b"));
  EXPECT_TRUE(
      section(R"({"not_types":[],"not_senders":[],"not_rooms":[]})").matches("m.room.message", "@a:b"));
}

TEST(EventFilter, KnowsThatItLetsNothingThrough) {
  for (const char* nothing : {R"({"types":[]})", R"({"senders":[]})", R"({"rooms":[]})",
                              R"({"types":["m.*"],"not_types":["*"]})"}) {
    EXPECT_TRUE(section(nothing).matches_nothing()) << nothing;
  }
  for (const char* something : {R"({})", R"({"types":["m.*"]})", R"({"not_types":["m.*"],"not_rooms":[]})"}) {
    EXPECT_FALSE(section(something).matches_nothing()) << something;
  }
}

TEST(EventFilter, WhatIsExcludedStaysOutThoughItIsIncluded) {
  const EventFilter filter = section(
      R"({"types":["m.*"],"not_types":["m.room.member"],"senders":["@a:b","@c:d"],"not_senders":["@c:d"],
          "rooms":["!x:b","!y:b"],"not_rooms":["!y:b"]})");
  EXPECT_TRUE(filter.matches("m.room.name", "@a:b"));
  EXPECT_FALSE(filter.matches("m.room.member", "@a:b"));
  EXPECT_FALSE(filter.matches("m.room.name", "@c:d"));
  EXPECT_FALSE(filter.matches("m.room.name", "@e:f"));
  EXPECT_TRUE(filter.matches_room("!x:b"));
  EXPECT_FALSE(filter.matches_room("!y:b"));
  EXPECT_FALSE(filter.matches_room("!z:b"));
}

TEST(EventFilter, WhatHasNoSenderIsNotHeldToSenders) {
  EXPECT_TRUE(section(R"({"senders":["@a:b"]})").matches("m.typing", ""));
}

TEST(EventFilter, LooksAtAnEventsUrl) {
  test::TestRoom room{*find_room_version("11"), Json::object()};
  const auto message = [&room](Json content) {
    return room.make(
        {{"type", "m.room.message"}, {"sender", "@creator:a.example"}, {"content", std::move(content)}});
  };
  const EventPtr with = message({{"url", "mxc://a/b"}});
  const EventPtr without = message({{"body", "x"}});
  const EventPtr not_text = message({{"url", 5}});
  const EventFilter wants = section(R"({"contains_url":true})");
  EXPECT_TRUE(wants.matches(*with));
  EXPECT_FALSE(wants.matches(*without));
  EXPECT_FALSE(wants.matches(*not_text));
  const EventFilter does_not = section(R"({"contains_url":false})");
  EXPECT_FALSE(does_not.matches(*with));
  EXPECT_TRUE(does_not.matches(*without));
  EXPECT_FALSE(section(R"({"not_rooms":["!room:a.example"]})").matches(*with));
  EXPECT_FALSE(section(R"({"not_senders":["@creator:a.example"]})").matches(*with));
}

TEST(EventFilter, TheLimitIsBounded) {
  EXPECT_EQ(section("{}").limit(10), 10U);
  EXPECT_EQ(section(R"({"limit":0})").limit(10), 0U);
  EXPECT_EQ(section(R"({"limit":25})").limit(10), 25U);
  EXPECT_EQ(section(R"({"limit":1000000000000})").limit(10), EventFilter::kMostEvents);
  EXPECT_EQ(section(R"({"limit":18446744073709551615})").limit(10), EventFilter::kMostEvents);
}

TEST(EventFilter, RefusesWrongTypes) {
  for (const char* text : {"[]",
                           "5",
                           "null",
                           R"({"limit":-1})",
                           R"({"limit":"5"})",
                           R"({"limit":1.5})",
                           R"({"types":"m.room.name"})",
                           R"({"types":[5]})",
                           R"({"not_types":{}})",
                           R"({"senders":[null]})",
                           R"({"not_senders":true})",
                           R"({"rooms":{"!a:b":1}})",
                           R"({"not_rooms":[[]]})",
                           R"({"senders":["a"]})",
                           R"({"not_senders":["@a"]})",
                           R"({"rooms":["a:b"]})",
                           R"({"not_rooms":[""]})",
                           R"({"contains_url":1})",
                           R"({"lazy_load_members":"yes"})",
                           R"({"include_redundant_members":0})"}) {
    const auto filter = EventFilter::parse(Json::parse(text));
    EXPECT_FALSE(filter) << text;
  }
}

TEST(EventFilter, RefusesListsThatAreTooLong) {
  Json list = Json::array();
  for (int i = 0; i < 1000; ++i) {
    list.push_back("m.x" + std::to_string(i));
  }
  EXPECT_TRUE(EventFilter::parse({{"types", list}}));
  list.push_back("one more");
  EXPECT_FALSE(EventFilter::parse({{"types", list}}));
}

TEST(Filter, ReadsEverySection) {
  const Filter filter = whole(
      R"({"presence":{"types":["a"]},"account_data":{"types":["b"]},
          "room":{"timeline":{"types":["c"],"limit":3,"lazy_load_members":true},"state":{"types":["d"],
          "include_redundant_members":true},"ephemeral":{"types":["e"]},"account_data":{"types":["f"]},
          "include_leave":true,"rooms":["!x:b","!y:b"],"not_rooms":["!y:b"]},
          "event_fields":["type"],"event_format":"client"})");
  EXPECT_TRUE(filter.presence().matches("a", ""));
  EXPECT_TRUE(filter.account_data().matches("b", ""));
  EXPECT_TRUE(filter.timeline().matches("c", ""));
  EXPECT_TRUE(filter.state().matches("d", ""));
  EXPECT_TRUE(filter.ephemeral().matches("e", ""));
  EXPECT_TRUE(filter.room_account_data().matches("f", ""));
  EXPECT_FALSE(filter.timeline().matches("d", ""));
  EXPECT_EQ(filter.timeline().limit(10), 3U);
  EXPECT_TRUE(filter.timeline().lazy_load_members());
  EXPECT_TRUE(filter.state().include_redundant_members());
  EXPECT_TRUE(filter.include_leave());
  EXPECT_TRUE(filter.wants_room("!x:b"));
  EXPECT_FALSE(filter.wants_room("!y:b"));
  EXPECT_FALSE(filter.wants_room("!z:b"));
}

TEST(Filter, AnEmptyOneWantsEverythingButLeftRooms) {
  for (const char* text : {"{}", R"({"room":null,"presence":null})", R"({"room":{"timeline":null}})"}) {
    const Filter filter = whole(text);
    EXPECT_TRUE(filter.timeline().trivial());
    EXPECT_TRUE(filter.wants_room("!a:b"));
    EXPECT_FALSE(filter.include_leave());
  }
}

TEST(Filter, RefusesWrongTypes) {
  for (const char* text : {"[]", "null", R"("x")", R"({"room":[]})", R"({"room":{"timeline":5}})",
                           R"({"presence":[]})", R"({"room":{"rooms":"!a:b"}})",
                           R"({"room":{"not_rooms":[1]}})", R"({"room":{"include_leave":"yes"}})",
                           R"({"room":{"state":{"types":[{}]}}})", R"({"account_data":{"limit":-5}})"}) {
    EXPECT_FALSE(Filter::parse(Json::parse(text))) << text;
  }
}

std::string selected(std::vector<std::string> paths, std::string_view object) {
  const auto fields = FieldSelection::parse(paths);
  EXPECT_TRUE(fields);
  return fields ? fields->selected(json::Value{object}) : std::string{};
}

TEST(FieldSelection, TakesWhatThePathsLeadToAndNothingElse) {
  constexpr std::string_view kEvent =
      R"({"content":{"body":"x","a.b":{"c":1},"n":{"deep":[1,{"k":2}]},"back\\slash":3},"sender":"@a:b","type":"t"})";
  EXPECT_EQ(selected({"type"}, kEvent), R"({"type":"t"})");
  EXPECT_EQ(selected({"content.body", "sender"}, kEvent), R"({"content":{"body":"x"},"sender":"@a:b"})");
  EXPECT_EQ(selected({"content.a\\.b.c"}, kEvent), R"({"content":{"a.b":{"c":1}}})");
  EXPECT_EQ(selected({"content.back\\\\slash"}, kEvent), R"({"content":{"back\\slash":3}})");
  EXPECT_EQ(selected({"content.n"}, kEvent), R"({"content":{"n":{"deep":[1,{"k":2}]}}})");
  EXPECT_EQ(selected({"content", "content.body"}, kEvent), selected({"content"}, kEvent));
  for (const char* nowhere : {"content.x", "sender.x", "content.n.deep.k", "", "x", "content..body"}) {
    EXPECT_EQ(selected({nowhere}, kEvent), "{}") << nowhere;
  }
}

TEST(FieldSelection, IsPartOfAFilterAndBounded) {
  EXPECT_TRUE(whole("{}").fields().everything());
  EXPECT_TRUE(whole(R"({"event_fields":[]})").fields().everything());
  EXPECT_FALSE(whole(R"({"event_fields":["type"]})").fields().everything());
  EXPECT_FALSE(whole(R"({"event_format":"client"})").federation_format());
  EXPECT_TRUE(whole(R"({"event_format":"federation"})").federation_format());
  for (const char* wrong : {R"({"event_fields":"type"})", R"({"event_fields":[1]})",
                            R"({"event_format":"other"})", R"({"event_format":1})"}) {
    EXPECT_FALSE(Filter::parse(Json::parse(wrong))) << wrong;
  }
  std::string path = "a";
  for (int i = 0; i < 99; ++i) {
    path += ".a";
  }
  EXPECT_TRUE(Filter::parse(Json{{"event_fields", {path}}}));
  EXPECT_FALSE(Filter::parse(Json{{"event_fields", {path + ".a"}}}));
}

}  // namespace
