// SPDX-License-Identifier: Apache-2.0
#include <host/caches.hpp>

#include <lares_test/test_server.hpp>
#include <virtual_runtime.hpp>

#include <lares/async/cache.hpp>

#include <gtest/gtest.h>

#include <memory>

namespace lares::host {
namespace {

std::shared_ptr<const Config> sizes(std::int64_t events, double factor) {
  auto config = std::make_shared<testing::MapConfig>();
  config->set("event_cache_size", events)
      .set("caches.global_factor", factor)
      .set("caches.per_cache_factors", nlohmann::json::object());
  return config;
}

TEST(CachesTest, TheCacheOfEventsHasRoomForSomeUnlessItsSizeIsZero) {
  sim::VirtualRuntime runtime{1, 1};
  TaskGroup loads{runtime, "loads"};
  testing::TestServer server{runtime, "master", sizes(3, 0.5)};
  Caches caches{server};
  Cache<int, int> events{loads,
                         {.name = "getEvent", .server_name = server.name(), .max_size = 1U << 20U},
                         [](int, int) { return std::size_t{1500}; }};
  const auto kept = [&events] {
    events.put(7, 7);
    return events.peek(7).has_value();
  };
  constexpr std::size_t kSixteen = 16 * 2048;
  EXPECT_TRUE(kept());
  EXPECT_EQ(events.counters().max_size, kSixteen);
  caches.reload(*sizes(1, 0.125));
  EXPECT_TRUE(kept());
  EXPECT_EQ(events.counters().max_size, kSixteen);
  caches.reload(*sizes(100, 0.125));
  EXPECT_TRUE(kept());
  EXPECT_EQ(events.counters().max_size, 25U * 2048U);
  caches.reload(*sizes(0, 0.5));
  EXPECT_FALSE(kept());
  caches.reload(*sizes(3, 0));
  EXPECT_FALSE(kept());
}

}  // namespace
}  // namespace lares::host
