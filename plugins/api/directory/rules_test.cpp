// SPDX-License-Identifier: Apache-2.0
#include "rules.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace lares::directory {
namespace {

using nlohmann::json;

TEST(Matches, TakesStarsAndQuestionMarksAnywhere) {
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("#a*c?:hs", "#ABBBcd:hs"));
  EXPECT_TRUE(matches("*:hs", "@u:x:hs"));
  EXPECT_FALSE(matches("#a?", "#a"));
  EXPECT_FALSE(matches("", "x"));
  EXPECT_FALSE(matches("*a*b", "aab c"));
}

TEST(Matches, IsNotSlowedDownByManyStars) {
  EXPECT_FALSE(matches(std::string(60, '*') + "b", std::string(5000, 'a')));
}

TEST(Allowed, LetsEveryoneDoWithoutRulesAndNobodyWithNone) {
  EXPECT_TRUE(allowed(json(), "@u:hs", "!r", {}));
  EXPECT_FALSE(allowed(json::array(), "@u:hs", "!r", {}));
}

TEST(Allowed, GoesByTheFirstRuleThatFits) {
  const json rules = {{{"user_id", "@bad*"}, {"action", "deny"}},
                      {{"alias", "#open*"}, {"action", "allow"}},
                      {{"room_id", "!one*"}}};
  EXPECT_FALSE(allowed(rules, "@badger:hs", "!one", {"#open:hs"}));
  EXPECT_TRUE(allowed(rules, "@u:hs", "!two", {"#other:hs", "#open:hs"}));
  EXPECT_FALSE(allowed(rules, "@u:hs", "!two", {"#other:hs"}));
  EXPECT_TRUE(allowed(rules, "@u:hs", "!one1", {}));
}

}  // namespace
}  // namespace lares::directory
