// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <lares/matrix/identifiers.hpp>

#include <string>
#include <unordered_map>

namespace {

using namespace lares::matrix;

TEST(ServerName, TakesTheFormsOfTheSpecification) {
  for (const char* text : {"matrix.org", "matrix.org:8888", "1.2.3.4", "1.2.3.4:1234", "[1234:5678::abcd]",
                           "[1234:5678::abcd]:5678", "localhost", "UPPER.example", "a-b.example", "[::1]",
                           "[::ffff:1.2.3.4]", "x:1"}) {
    const auto name = ServerName::parse(text);
    ASSERT_TRUE(name) << text;
    EXPECT_EQ(name->view(), text);
  }
  for (const char* text :
       {"", ":80", "a:", "a:123456", "a:x", "a b", "a_b", "é.example", "[::1", "[::1]x", "[::1]:", "[x::1]",
        "[]", "a:80:80", "a/b", "http://a", "[1.2.3.4]", "[12345::1]"}) {
    EXPECT_FALSE(ServerName::parse(text)) << text;
  }
  EXPECT_FALSE(ServerName::parse(std::string(256, 'a')));
}

TEST(ServerName, SplitsHostAndPort) {
  const auto parse = [](const char* text) { return *ServerName::parse(text); };
  EXPECT_EQ(parse("a.example").host(), "a.example");
  EXPECT_FALSE(parse("a.example").port());
  EXPECT_EQ(parse("a.example:8448").host(), "a.example");
  EXPECT_EQ(parse("a.example:8448").port(), 8448);
  EXPECT_FALSE(parse("a.example:99999").port());
  EXPECT_EQ(parse("[::1]:80").host(), "[::1]");
  EXPECT_EQ(parse("[::1]:80").port(), 80);
  EXPECT_TRUE(parse("[::1]").is_ip_literal());
  EXPECT_TRUE(parse("1.2.3.4:5").is_ip_literal());
  EXPECT_FALSE(parse("1.2.3.400").is_ip_literal());
  EXPECT_FALSE(parse("1.2.3").is_ip_literal());
  EXPECT_FALSE(parse("a.example").is_ip_literal());
}

TEST(UserId, SplitsAtTheFirstColon) {
  const auto id = UserId::parse("@alice:a.example:8448");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->localpart(), "alice");
  EXPECT_EQ(id->server(), "a.example:8448");
  EXPECT_EQ(UserId::parse("@:a")->localpart(), "");
}

TEST(UserId, TakesHistoricalOnesFromOutsideAndStrictOnesAnew) {
  for (const char* text : {"@Alice:a", "@alice bob:a", "@ü:a", "@:a", "@a\n:a", "@\xF0\x9F\x98\x80:a"}) {
    EXPECT_TRUE(UserId::valid(text)) << text;
    EXPECT_FALSE(UserId::valid(text, Grammar::kStrict)) << text;
  }
  EXPECT_TRUE(UserId::valid("@a1._=-/+:a", Grammar::kStrict));
  for (const std::string& text :
       {std::string{""}, std::string{"alice"}, std::string{"@alice"}, std::string{"alice:a"},
        std::string{"@alice:"}, std::string{"@alice:a b"}, std::string{"@a\0b:a", 6}, std::string{"@\xFF:a"},
        std::string{"#alice:a"}}) {
    EXPECT_FALSE(UserId::valid(text)) << text;
  }
  EXPECT_EQ(UserId::parse("alice:a").error(), IdentifierError::kWrongSigil);
  EXPECT_EQ(UserId::parse("@alice").error(), IdentifierError::kNoServer);
  EXPECT_EQ(UserId::parse("").error(), IdentifierError::kEmpty);
  EXPECT_EQ(UserId::parse("@" + std::string(252, 'a') + ":ab").error(), IdentifierError::kTooLong);
  EXPECT_TRUE(UserId::parse("@" + std::string(252, 'a') + ":a"));
}

TEST(UserId, IsPutTogetherByTodaysGrammar) {
  const auto server = *ServerName::parse("a.example");
  EXPECT_EQ(UserId::make("alice", server)->view(), "@alice:a.example");
  EXPECT_FALSE(UserId::make("Alice", server));
  EXPECT_FALSE(UserId::make("", server));
}

TEST(RoomId, HasAServerOrIsAHash) {
  const auto with = RoomId::parse("!abc:a.example:1");
  EXPECT_EQ(with->opaque(), "abc");
  EXPECT_EQ(with->server(), "a.example:1");
  const auto without = RoomId::parse("!Nhcu5BS-UMnFX7hBVfVSoXiD7OgH6iRT-xyIuqDnpYQ");
  ASSERT_TRUE(without);
  EXPECT_EQ(without->opaque().size(), 43U);
  EXPECT_FALSE(without->server());
  for (const char* text : {"", "!", "abc:a", "!abc:", "!abc:a b", "$abc:a"}) {
    EXPECT_FALSE(RoomId::parse(text)) << text;
  }
}

TEST(EventId, HasAServerOrIsAHash) {
  EXPECT_EQ(EventId::parse("$1:a.example")->server(), "a.example");
  EXPECT_FALSE(EventId::parse("$Nhcu5BS/UMnFX7hBVfVSoXiD7OgH6iRT+xyIuqDnpYQ")->server());
  EXPECT_FALSE(EventId::parse("$"));
  EXPECT_FALSE(EventId::parse("Nhcu"));
}

TEST(RoomAlias, HasAnyNameAndAServer) {
  const auto alias = RoomAlias::parse("#Lüsterner Raum:a.example");
  EXPECT_EQ(alias->localpart(), "Lüsterner Raum");
  EXPECT_EQ(alias->server(), "a.example");
  EXPECT_FALSE(RoomAlias::parse("#room"));
  EXPECT_FALSE(RoomAlias::parse("room:a"));
}

TEST(DeviceId, IsOpaque) {
  EXPECT_TRUE(DeviceId::parse("ABC DEF/é"));
  EXPECT_FALSE(DeviceId::parse(""));
  EXPECT_FALSE(DeviceId::parse(std::string{"a\0", 2}));
}

TEST(Identifiers, AreFoundInContainersByTheirText) {
  std::unordered_map<UserId, int, IdentifierHash, IdentifierEqual> map;
  map.emplace(*UserId::parse("@a:x"), 1);
  EXPECT_EQ(map.find(std::string_view{"@a:x"})->second, 1);
  EXPECT_EQ(map.find(*UserId::parse("@a:x"))->second, 1);
  EXPECT_EQ(map.find(std::string_view{"@b:x"}), map.end());
  EXPECT_LT(*UserId::parse("@a:x"), *UserId::parse("@b:x"));
  EXPECT_EQ(server_part("@a:b:1"), "b:1");
  EXPECT_EQ(server_part("$hash"), "");
}

}  // namespace
