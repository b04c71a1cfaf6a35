// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <lares/json/value.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace {

using lares::json::Kind;
using lares::json::Member;
using lares::json::Value;

TEST(Value, FindsMembersByNameAndPath) {
  const Value value{R"( { "a" : 1 , "b":{"c":{"d":"deep"}}, "e":[{"f":2}], "g":"x}\"]{" , "h":true} )"};
  EXPECT_EQ(value["a"].as_int64(), 1);
  EXPECT_EQ(value.at("b", "c", "d").as_plain_string(), "deep");
  EXPECT_EQ(value["h"].as_bool(), true);
  EXPECT_EQ(value["g"].to_string(), "x}\"]{");
  EXPECT_FALSE(value["missing"]);
  EXPECT_FALSE(value.at("a", "b"));
  EXPECT_FALSE(value["e"]["f"]);
}

TEST(Value, FindsNamesWrittenWithEscapes) {
  const Value value{R"({"\u0061b":1,"q\"":2,"\ud83d\ude00":3})"};
  EXPECT_EQ(value["ab"].as_int64(), 1);
  EXPECT_EQ(value["q\""].as_int64(), 2);
  EXPECT_EQ(value["\xF0\x9F\x98\x80"].as_int64(), 3);
  EXPECT_FALSE(value["a"]);
  EXPECT_FALSE(value["abc"]);
}

TEST(Value, KnowsItsKind) {
  EXPECT_EQ(Value{}.kind(), Kind::kMissing);
  EXPECT_EQ(Value{"null"}.kind(), Kind::kNull);
  EXPECT_EQ(Value{"false"}.kind(), Kind::kBoolean);
  EXPECT_EQ(Value{"-3"}.kind(), Kind::kNumber);
  EXPECT_EQ(Value{"\"\""}.kind(), Kind::kString);
  EXPECT_EQ(Value{"[]"}.kind(), Kind::kArray);
  EXPECT_EQ(Value{"{}"}.kind(), Kind::kObject);
}

TEST(Value, ReadsOnlyWhatIsThere) {
  EXPECT_EQ(Value{"5"}.as_int64(), 5);
  EXPECT_EQ(Value{"-9223372036854775808"}.as_int64(), INT64_MIN);
  EXPECT_FALSE(Value{"9223372036854775808"}.as_int64());
  EXPECT_FALSE(Value{"5.0"}.as_int64());
  EXPECT_EQ(Value{"5.5"}.as_double(), 5.5);
  EXPECT_EQ(Value{"1e-400"}.as_double(), 0.0);
  EXPECT_EQ(Value{"1e400"}.as_double(), HUGE_VAL);
  EXPECT_EQ(Value{"-" + std::string(400, '9')}.as_double(), -HUGE_VAL);
  EXPECT_FALSE(Value{"\"5\""}.as_int64());
  EXPECT_FALSE(Value{"5"}.as_string());
  EXPECT_FALSE(Value{"\"a\\n\""}.as_plain_string());
  EXPECT_EQ(Value{"\"a\\n\""}.to_string(), "a\n");
  EXPECT_FALSE(Value{"0"}.as_bool());
  EXPECT_TRUE(Value{"\"a\\u0062c\""}.equals("abc"));
  EXPECT_FALSE(Value{"\"a\\u0062c\""}.equals("abcd"));
  EXPECT_FALSE(Value{"\"abc\""}.equals("ab"));
}

TEST(Value, WalksMembersInTheOrderOfTheText) {
  const Value value{R"({ "b" : [1, 2] , "a":{} , "c\n":null })"};
  std::vector<std::string> seen;
  for (const Member& member : value.members()) {
    seen.push_back(member.key.decoded() + "=" + std::string{member.value.bytes()});
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"b=[1, 2]", "a={}", "c\n=null"}));
  EXPECT_EQ(value.members().size(), 3U);
  EXPECT_TRUE(Value{"{}"}.members().empty());
  EXPECT_TRUE(Value{"[1]"}.members().empty());
}

TEST(Value, WalksElements) {
  std::vector<std::string> seen;
  for (const Value& element : Value{R"([1 , "a,b" ,[2,[3]], {"x":[]}, null])"}.elements()) {
    seen.emplace_back(element.bytes());
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"1", "\"a,b\"", "[2,[3]]", "{\"x\":[]}", "null"}));
  EXPECT_TRUE(Value{"[ ]"}.elements().empty());
  EXPECT_TRUE(Value{"{}"}.elements().empty());
}

TEST(Value, FindsTheEndOfLongValuesWhateverIsInTheirTexts) {
  // Quotes, brackets and escapes at every distance from the steps in which long values are walked over.
  for (std::size_t shift = 0; shift < 130; ++shift) {
    for (const char* text : {"{}[]", "]]]]", "\\\"", "\\\\", "x"}) {
      const std::string padding(shift, 'p');
      const std::string inner = "{\"a\":[{\"" + padding + "\":\"" + text + "\"},[" +
                                std::string(shift % 7, ' ') + "],\"" + padding + text +
                                "\",{\"b\":{\"c\":[[1],[2]]}}],\"z\":{}}";
      const std::string whole = "{\"first\":" + inner + ",\"second\":" + inner + ",\"last\":7}";
      const Value value{whole};
      ASSERT_EQ(value.bytes(), whole);
      ASSERT_EQ(value["first"].bytes(), inner) << shift << text;
      ASSERT_EQ(value["second"].bytes(), inner) << shift << text;
      ASSERT_EQ(value["last"].as_int64(), 7) << shift << text;
    }
  }
}

TEST(Value, StaysWithinItsBytesOnTextsThatWereNeverScanned) {
  for (const auto* text : {"{",  "{\"", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":\"", "{\"a\":[",   "[",
                           "[[", "[1",  "[1,",  "\"",     "\"\\",    "{\"a\":1",  "{\"a\":1,",  "{\"a\":1,\"",
                           "}",  "]",   ",",    "{]",     "[}",      "{\"a\"]",   "[\"\\u12\"]"}) {
    const Value value{text};
    EXPECT_FALSE(value["zz"]) << text;
    for (const Member& member : value.members()) {
      static_cast<void>(member.key.decoded());
      static_cast<void>(member.value.to_string());
    }
    for (const Value& element : value.elements()) {
      static_cast<void>(element.to_string());
    }
  }
}

}  // namespace
