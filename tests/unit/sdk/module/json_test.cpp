// SPDX-License-Identifier: Apache-2.0
#include <lares/module/json.hpp>

#include <gtest/gtest.h>

#include <string>

namespace lares::module {
namespace {

TEST(ModuleJson, ReadsEveryKindOfValue) {
  const auto json = Json::parse(R"( {"a": [1, -2.5e1, true, false, null], "b": {"c": "x"}, "d": ""} )");
  ASSERT_TRUE(json);
  const auto& list = *json->find("a")->array();
  ASSERT_EQ(list.size(), 5u);
  EXPECT_EQ(list[0].integer(), 1);
  EXPECT_EQ(list[1].number(), -25.0);
  EXPECT_EQ(list[2].boolean(), true);
  EXPECT_EQ(list[3].boolean(), false);
  EXPECT_EQ(list[4].type(), Json::Type::Null);
  EXPECT_EQ(*json->find("b")->find("c")->string(), "x");
  EXPECT_EQ(*json->find("d")->string(), "");
  EXPECT_EQ(json->find("e"), nullptr);
}

TEST(ModuleJson, DecodesEscapes) {
  const auto json = Json::parse(R"("\"\\\/\b\f\n\r\t\u00e9\u20ac\ud83d\ude00")");
  ASSERT_TRUE(json);
  EXPECT_EQ(*json->string(), "\"\\/\b\f\n\r\té€😀");
}

TEST(ModuleJson, GivesNothingForWhatIsNotJson) {
  for (const char* text : {"", "{", "[1,]", "{\"a\"}", "{a: 1}", "tru", "1 2", "\"", "\"\\x\"", "\"\\ud83d\"",
                           "\"\n\"", "+1", ".5", "nan", "inf", "0x1", "--1"}) {
    EXPECT_FALSE(Json::parse(text)) << text;
  }
}

TEST(ModuleJson, RefusesDeepNesting) {
  EXPECT_TRUE(Json::parse(std::string(60, '[') + std::string(60, ']')));
  EXPECT_FALSE(Json::parse(std::string(100'000, '[')));
}

TEST(ModuleJson, GivesIntegersOnlyWhereTheyAreExact) {
  EXPECT_FALSE(Json::parse("1.5")->integer());
  EXPECT_FALSE(Json::parse("1e300")->integer());
  EXPECT_EQ(Json::parse("9007199254740991")->integer(), 9007199254740991);
}

}  // namespace
}  // namespace lares::module
