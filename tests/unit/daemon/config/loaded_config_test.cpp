// SPDX-License-Identifier: Apache-2.0
#include "config_fixture.hpp"

#include <config/explain.hpp>

namespace lares::config {
namespace {

class LoadedConfigTest : public ConfigTest {
 protected:
  LoadedConfigTest() {
    declare({.path = "name", .default_value = "x"});
    declare({.path = "rate.limit", .type = ConfigType::Number, .default_value = "1", .reload = Reload::Live});
    declare({.path = "rate.burst", .type = ConfigType::Number, .default_value = "1", .reload = Reload::Live});
    declare({.path = "levels", .type = ConfigType::Map, .default_value = "{}", .reload = Reload::Live});
    declare({.path = "doors", .type = ConfigType::List, .default_value = "[]"});
    declare({.path = "doors[].port", .type = ConfigType::Integer, .default_value = "1"});
    declare({.path = "doors[].code", .default_value = "null", .secret = true});
    declare({.path = "password", .default_value = "null", .secret = true});
    declare({.path = "time", .type = ConfigType::Duration, .default_value = "90s", .meaning = "How long."});
  }
  std::shared_ptr<const LoadedConfig> config(std::string_view text) {
    auto result = load_text(text);
    EXPECT_TRUE(result.config) << said(result);
    return result.config;
  }
  std::string explained(std::string_view path, const LoadedConfig* loaded) {
    const auto text = explain(keys_, path, loaded);
    return without_folder(text ? *text : "error: " + text.error());
  }
};

TEST_F(LoadedConfigTest, TellsLiveChangesFromThoseThatNeedARestart) {
  const auto before = config("name: a\nrate: {limit: 1}\ndoors: [{port: 1}]\n");
  const auto after = config("name: b\nrate: {limit: 2, burst: 1}\nlevels: {x: debug}\ndoors: [{port: 2}]\n");
  const auto difference = diff(*before, *after);
  EXPECT_EQ(difference.live, (std::vector<std::string>{"levels", "rate.limit"}));
  EXPECT_EQ(difference.restart, (std::vector<std::string>{"doors", "name"}));
  EXPECT_TRUE(diff(*before, *before).empty());
}

TEST_F(LoadedConfigTest, AReloadBringsLiveKeysIntoForceAndLeavesTheOthers) {
  const auto before = config("name: a\nrate: {limit: 1}\n");
  const auto after = config("# a line more\nname: b\nrate: {limit: 2}\nlevels: {x: debug}\n");
  const auto merged = apply_live(*before, *after);
  EXPECT_EQ(merged->string("name"), "a");
  EXPECT_EQ(merged->number("rate.limit"), 2);
  EXPECT_EQ(without_folder(merged->origin("name")), "homeserver.yaml:1");
  EXPECT_EQ(without_folder(merged->origin("rate.limit")), "homeserver.yaml:3");
  EXPECT_TRUE(merged->is_set("levels"));
  EXPECT_EQ(diff(*merged, *after).restart, std::vector<std::string>{"name"});
  EXPECT_TRUE(diff(*merged, *after).live.empty());
}

TEST_F(LoadedConfigTest, AReloadTakesAwayWhatIsNoLongerGiven) {
  const auto before = config("rate: {limit: 5}\n");
  const auto merged = apply_live(*before, *config(""));
  EXPECT_EQ(merged->number("rate.limit"), 1);
  EXPECT_FALSE(merged->is_set("rate.limit"));
}

TEST_F(LoadedConfigTest, ExplainsAKey) {
  EXPECT_EQ(explained("time", config("time: 2m\n").get()),
            "time\n"
            "  How long.\n\n"
            "  type      a duration such as 30s, 5m or 1d\n"
            "  default   90s\n"
            "  change    needs a restart\n"
            "  read by   test\n"
            "  variable  LARES_TIME\n"
            "  value     2m\n"
            "  from      homeserver.yaml:1\n");
}

TEST_F(LoadedConfigTest, ExplainsEntriesAndMappings) {
  const auto loaded = config("doors: [{port: 7}]\n");
  EXPECT_NE(explained("doors[0].port", loaded.get()).find("value     7\n"), std::string::npos);
  EXPECT_NE(explained("rate", loaded.get()).find("rate.limit: A key of a test."), std::string::npos);
  EXPECT_EQ(explained("rate.limt", loaded.get()),
            "error: there is no key rate.limt; did you mean rate.limit?");
  EXPECT_EQ(explained("burst", nullptr), "error: there is no key burst; did you mean rate.burst?");
}

TEST_F(LoadedConfigTest, NeverShowsASecret) {
  const auto loaded =
      config("password: hunter2\ndoors: [{code: hunter2}]\nlevels: {api_token: hunter2, x: shown}\n");
  for (const auto* path : {"password", "doors", "doors[0]", "doors[0].code", "levels", "levels.api_token"}) {
    const auto text = explained(path, loaded.get());
    EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
  }
  EXPECT_NE(explained("password", loaded.get()).find("(set, not shown)"), std::string::npos);
  EXPECT_NE(explained("levels", loaded.get()).find("shown"), std::string::npos);
}

TEST_F(LoadedConfigTest, ListsEveryKeyInTheReference) {
  const auto text = reference(keys_);
  for (const auto& [path, declared] : keys_.all()) {
    EXPECT_NE(text.find("| `" + path + "` |"), std::string::npos) << path;
  }
  EXPECT_NE(text.find("| `rate.limit` | a number | `1` | live | A key of a test. |"), std::string::npos)
      << text;
}

}  // namespace
}  // namespace lares::config
