// SPDX-License-Identifier: Apache-2.0
#include <invite_guard/pattern.hpp>

#include <gtest/gtest.h>

#include <string>

namespace invite_guard {
namespace {

TEST(Pattern, FitsWholeTexts) {
  EXPECT_TRUE(matches("example.org", "EXAMPLE.org"));
  EXPECT_FALSE(matches("example.org", "example.org.evil"));
  EXPECT_TRUE(matches("*.example.org", "a.b.example.org"));
  EXPECT_FALSE(matches("*.example.org", "example.org"));
  EXPECT_TRUE(matches("@bot_?:*", "@bot_1:hs.test"));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("a*b*c", "a*xbxbc"));
  EXPECT_FALSE(matches("", "x"));
}

TEST(Pattern, TakesNoExponentialTime) {
  std::string pattern;
  for (int i = 0; i < 40; ++i) {
    pattern += "*a";
  }
  EXPECT_FALSE(matches(pattern + "b", std::string(5000, 'a')));
}

TEST(Pattern, FindsWordsAndRunsOfWords) {
  EXPECT_TRUE(contains_word({"casino*"}, "Visit the CASINO24!"));
  EXPECT_FALSE(contains_word({"ass"}, "A classic assessment"));
  EXPECT_TRUE(contains_word({"buy now"}, "please  buy, now"));
  EXPECT_FALSE(contains_word({"buy now"}, "buy it now"));
  EXPECT_FALSE(contains_word({}, "anything"));
  EXPECT_TRUE(contains_word({"straße"}, "die Straße? straße"));
}

}  // namespace
}  // namespace invite_guard
