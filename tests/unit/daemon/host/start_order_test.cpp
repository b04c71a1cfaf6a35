// SPDX-License-Identifier: Apache-2.0
#include <host/start_order.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace lares::host {
namespace {

std::string names(const std::vector<OrderedPlugin>& plugins, const std::vector<std::size_t>& order) {
  std::string text;
  for (const auto index : order) {
    text += plugins[index].name + " ";
  }
  return text;
}

TEST(StartOrder, PutsEachPluginAfterWhatItNeeds) {
  const std::vector<OrderedPlugin> plugins = {{"api", {}, {"rooms", "identity"}},
                                              {"events", {"rooms"}, {"database", "identity"}},
                                              {"identity", {"identity"}, {"database"}},
                                              {"sqlite", {"database"}, {}}};
  const auto order = start_order(plugins, {});
  ASSERT_TRUE(order);
  EXPECT_EQ(names(plugins, *order), "sqlite identity events api ");
}

TEST(StartOrder, GoesByNameWhereThereIsAChoice) {
  const std::vector<OrderedPlugin> plugins = {{"c", {}, {}}, {"a", {}, {}}, {"b", {}, {}}};
  EXPECT_EQ(names(plugins, *start_order(plugins, {})), "a b c ");
}

TEST(StartOrder, WaitsForEveryPossibleProvider) {
  const std::vector<OrderedPlugin> plugins = {{"user", {}, {"x"}}, {"z1", {"x"}, {}}, {"z2", {"x"}, {}}};
  EXPECT_EQ(names(plugins, *start_order(plugins, {})), "z1 z2 user ");
}

TEST(StartOrder, LeavesOutWhatIsNotActive) {
  const std::vector<OrderedPlugin> plugins = {{"postgres", {"database"}, {}, false},
                                              {"sqlite", {"database"}, {}}};
  EXPECT_EQ(names(plugins, *start_order(plugins, {})), "sqlite ");
}

TEST(StartOrder, TakesWhatTheHostProvidesAsGiven) {
  const std::vector<OrderedPlugin> plugins = {{"api", {}, {"host.limits"}}};
  const std::vector<std::string> given = {"host.limits"};
  EXPECT_TRUE(start_order(plugins, given));
}

TEST(StartOrder, NamesEachMissingNeed) {
  const std::vector<OrderedPlugin> plugins = {{"api", {}, {"rooms", "mail"}, true, "/p/api.so"},
                                              {"events", {"rooms"}, {}, false, "/p/events.so"},
                                              {"pusher", {}, {"push"}, true, "/p/pusher.so"}};
  const auto order = start_order(plugins, {});
  ASSERT_FALSE(order);
  const std::vector<std::string> expected = {
      "/p/api.so: the plugin \"api\" needs rooms, which \"events\" would provide; the configuration of this "
      "process does not activate it. Change the configuration, or remove this plugin.",
      "/p/api.so: the plugin \"api\" needs mail, which no installed plugin provides. Install the one that "
      "does, "
      "or remove this one.",
      "/p/pusher.so: the plugin \"pusher\" needs push, which no installed plugin provides. Install the one "
      "that "
      "does, or remove this one."};
  EXPECT_EQ(order.error(), expected);
}

TEST(StartOrder, ShowsACircle) {
  const std::vector<OrderedPlugin> plugins = {{"first", {"1"}, {}, true, "/p/first.so"},
                                              {"a", {"a"}, {"c", "1"}, true, "/p/a.so"},
                                              {"b", {"b"}, {"a"}, true, "/p/b.so"},
                                              {"c", {"c"}, {"b"}, true, "/p/c.so"},
                                              {"last", {}, {"a"}, true, "/p/last.so"}};
  const auto order = start_order(plugins, {});
  ASSERT_FALSE(order);
  EXPECT_EQ(
      order.error(),
      std::vector<std::string>{
          "/p/a.so, /p/c.so, /p/b.so: these plugins need each other in a circle: a needs c needs b needs a. "
          "One of them has to look the other up at the call (`uses`): install plugins of one release."});
}

TEST(StartOrder, RefusesAPluginThatNeedsItself) {
  const std::vector<OrderedPlugin> plugins = {{"a", {"a"}, {"a"}}};
  const auto order = start_order(plugins, {});
  ASSERT_FALSE(order);
  EXPECT_NE(order.error()[0].find("a needs a"), std::string::npos) << order.error()[0];
}

TEST(StartOrder, HoldsForRandomGraphsWithoutCircles) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<OrderedPlugin> plugins;
    for (int i = 0; i < 20; ++i) {
      OrderedPlugin plugin{
          "p" + std::to_string(random() % 1000) + "." + std::to_string(i), {std::to_string(i)}, {}};
      for (int before = 0; before < i; ++before) {
        if (random() % 4 == 0) {
          plugin.needs.push_back(std::to_string(before));
        }
      }
      plugins.push_back(plugin);
    }
    std::shuffle(plugins.begin(), plugins.end(), random);
    const auto order = start_order(plugins, {});
    ASSERT_TRUE(order);
    ASSERT_EQ(order->size(), plugins.size());
    std::vector<std::string> there;
    for (const auto index : *order) {
      for (const auto& need : plugins[index].needs) {
        EXPECT_NE(std::find(there.begin(), there.end(), need), there.end());
      }
      there.push_back(plugins[index].provides[0]);
    }
  }
}

}  // namespace
}  // namespace lares::host
