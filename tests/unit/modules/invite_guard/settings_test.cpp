// SPDX-License-Identifier: Apache-2.0
#include <invite_guard/settings.hpp>

#include <lares/module/module.hpp>

#include <gtest/gtest.h>

#include <string>

namespace invite_guard {
namespace {

std::string refusal(const char* json) {
  try {
    static_cast<void>(read_settings(json));
    return "accepted";
  } catch (const lares::module::ConfigError& error) {
    return error.what();
  }
}

TEST(Settings, OfAnEmptySectionSetNoBound) {
  const auto settings = read_settings("{}");
  EXPECT_EQ(settings.invites.count, 0);
  EXPECT_TRUE(settings.allowed_servers.empty());
}

TEST(Settings, AreReadFromTheSection) {
  const auto settings = read_settings(R"({"rooms": {"per_user": 3, "seconds": 60}, "denied_words": ["x"]})");
  EXPECT_EQ(settings.rooms.count, 3);
  EXPECT_EQ(settings.rooms.window_ms, 60'000);
  EXPECT_EQ(settings.denied_words, std::vector<std::string>{"x"});
}

TEST(Settings, NameTheKeyThatIsWrong) {
  EXPECT_EQ(refusal("[]"), "config: expected a mapping");
  EXPECT_EQ(refusal(R"({"invite": {}})"), "config.invite: there is no such key");
  EXPECT_EQ(refusal(R"({"invites": {"per_hour": 1}})"), "config.invites.per_hour: there is no such key");
  EXPECT_EQ(refusal(R"({"invites": {"per_user": -1}})"),
            "config.invites.per_user: expected a whole number from 0 to 1000000000");
  EXPECT_EQ(refusal(R"({"denied_words": "x"})"),
            "config.denied_words: expected a list of at most 10000 texts");
  EXPECT_EQ(refusal(R"({"denied_words": [1]})"), "config.denied_words: expected texts of 1 to 255 bytes");
}

}  // namespace
}  // namespace invite_guard
