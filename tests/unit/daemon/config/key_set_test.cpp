// SPDX-License-Identifier: Apache-2.0
#include <config/host_keys.hpp>
#include <config/key_set.hpp>
#include <config/path.hpp>
#include <config/schema.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

namespace lares::config {
namespace {

std::string refusal(ConfigKey key) {
  KeySet keys;
  try {
    keys.add("test", std::move(key));
  } catch (const std::logic_error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Path, MayNameEntriesOfListsAndMaps) {
  EXPECT_TRUE(parse_path("server_name"));
  EXPECT_EQ(parse_path("listeners[].resources[].names")->size(), 3U);
  EXPECT_EQ(parse_path("instance_map.*.host")->at(1).name, "*");
  for (const auto* text :
       {"", ".", "a.", ".a", "a..b", "A", "a-b", "a[]b", "[]", "a[0]", "a[][]", "a b", "**"}) {
    EXPECT_FALSE(parse_path(text)) << text;
  }
}

TEST(Path, HasAVariableOfTheEnvironment) {
  EXPECT_EQ(environment_name("database.args.cp_max"), "LARES_DATABASE__ARGS__CP_MAX");
}

TEST(KeySet, TakesEqualDeclarationsOfTwoPlugins) {
  const ConfigKey key{.path = "database.name", .default_value = "sqlite3", .meaning = "The engine."};
  KeySet keys;
  keys.add("sqlite", key);
  keys.add("postgres", key);
  EXPECT_EQ(keys.find("database.name")->plugins, (std::vector<std::string>{"sqlite", "postgres"}));
}

TEST(KeySet, RefusesDeclarationsThatContradictEachOther) {
  KeySet keys;
  keys.add("one", {.path = "a", .default_value = "x", .meaning = "A key."});
  try {
    keys.add("two", {.path = "a", .default_value = "y", .meaning = "A key."});
    FAIL();
  } catch (const std::logic_error& error) {
    EXPECT_STREQ(error.what(), "configuration key a is declared by one and, differently, by two");
  }
}

TEST(KeySet, RefusesADeclarationThatCannotBeMeant) {
  EXPECT_NE(refusal({.path = "A", .default_value = "x", .meaning = "m"}), "accepted");
  EXPECT_NE(refusal({.path = "a", .default_value = "x"}), "accepted");
  const auto anything = [](const nlohmann::json&) { return std::string{}; };
  EXPECT_NE(
      refusal(
          {.path = "a", .type = ConfigType::List, .default_value = "[]", .meaning = "m", .check = anything}),
      "accepted");
  EXPECT_NE(refusal({.path = "a", .type = ConfigType::Integer, .default_value = "x", .meaning = "m"}),
            "accepted");
  EXPECT_NE(
      refusal({.path = "a", .type = ConfigType::Integer, .default_value = "5", .meaning = "m", .maximum = 4}),
      "accepted");
  EXPECT_NE(refusal({.path = "a", .default_value = "x", .meaning = "m", .allowed = {"y"}}), "accepted");
  EXPECT_NE(refusal({.path = "a", .type = ConfigType::List, .default_value = "{}", .meaning = "m"}),
            "accepted");
  EXPECT_NE(refusal({.path = "a[]", .default_value = "x", .meaning = "m"}), "accepted");
  EXPECT_NE(refusal({.path = "a[].b", .default_value = "x", .meaning = "m", .aliases = {"c.d"}}), "accepted");
  EXPECT_NE(refusal({.path = "a", .default_value = "[", .meaning = "m"}), "accepted");
}

TEST(KeySet, FindsTheDeclarationThatCoversAPlace) {
  KeySet keys;
  keys.add("test",
           {.path = "listeners[].port", .type = ConfigType::Integer, .default_value = "1", .meaning = "m"});
  keys.add("test", {.path = "map.*.host", .default_value = "x", .meaning = "m"});
  EXPECT_EQ(keys.covering("listeners[12].port")->key.path, "listeners[].port");
  EXPECT_EQ(keys.covering("map.main.host")->key.path, "map.*.host");
  EXPECT_EQ(keys.covering("map.main.port"), nullptr);
  EXPECT_EQ(keys.covering(""), nullptr);
}

TEST(KeySet, ReloadsListsAndMapsAsAWhole) {
  KeySet keys;
  keys.add("test", {.path = "a.b", .default_value = "x", .meaning = "m"});
  keys.add("test", {.path = "l", .type = ConfigType::List, .default_value = "[]", .meaning = "m"});
  keys.add("test", {.path = "l[].p", .default_value = "x", .meaning = "m"});
  keys.add("test", {.path = "m", .type = ConfigType::Map, .default_value = "{}", .meaning = "m"});
  keys.add("test", {.path = "m.*.p", .default_value = "x", .meaning = "m"});
  EXPECT_EQ(reload_units(keys), (std::vector<std::string>{"a.b", "l", "m"}));
}

TEST(HostKeys, AreAllWellFormed) {
  KeySet keys;
  EXPECT_NO_THROW(declare_host_keys(keys));
  EXPECT_NE(keys.find("server_name"), nullptr);
  EXPECT_TRUE(std::ranges::all_of(keys.all(),
                                  [](const auto& entry) { return entry.second.key.meaning.ends_with('.'); }));
}

}  // namespace
}  // namespace lares::config
