// SPDX-License-Identifier: Apache-2.0
#include "runtime_fixture.hpp"

#include <lares/async/cache.hpp>
#include <lares/async/cache_settings.hpp>
#include <lares/async/event.hpp>
#include <lares/base/metrics.hpp>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace lares {
namespace {

using namespace std::chrono_literals;
using testing::FourLoops;
using testing::yield;

using Ints = Cache<std::string, int>;

class CacheTest : public FourLoops {
 protected:
  ~CacheTest() override {
    run([](TaskGroup& all) -> Task<void> { co_await all.stop(); }(loads_));
  }
  TaskGroup loads_{runtime_, "loads"};
};

/// A load that counts how often it runs, and waits.
struct Source {
  Event go;
  std::atomic<int> loads{0};
  std::atomic<int> value{1};

  Task<int> load(std::string) {
    ++loads;
    const int before = value;
    co_await go.wait();
    co_return before;
  }
};

Task<void> ask(Ints& cache, Source& source, std::string key, std::atomic<int>& to) {
  to = co_await cache.get(std::move(key),
                          [&source](const std::string& wanted) { return source.load(wanted); });
}

TEST_F(CacheTest, LoadsOnceForAllWhoAsk) {
  Ints cache{loads_, {.name = "test", .server_name = "hs", .max_size = 10}};
  Source source;
  std::vector<std::atomic<int>> got(20);
  TaskGroup askers{runtime_, "askers"};
  for (std::size_t i = 0; i < got.size(); ++i) {
    spawn(askers, "asker", ask(cache, source, "k", got[i]), &runtime_.loop(i % 4));
  }
  run([](Source& from, TaskGroup& all, Runtime& runtime) -> Task<void> {
    co_await runtime.sleep_for(10ms);
    from.go.set();
    co_await all.join();
  }(source, askers, runtime_));
  for (const auto& value : got) {
    EXPECT_EQ(value, 1);
  }
  EXPECT_EQ(source.loads, 1);
  EXPECT_EQ(cache.peek("k"), 1);
  EXPECT_EQ(cache.size(), 1U);
  const std::string metrics = runtime_.metrics().expose();
  EXPECT_NE(metrics.find("synapse_util_caches_cache_size{server_name=\"hs\",name=\"test\"} 1"),
            std::string::npos);
  EXPECT_NE(metrics.find("synapse_util_caches_cache_max_size{server_name=\"hs\",name=\"test\"} 10"),
            std::string::npos);
}

TEST_F(CacheTest, ALoadOvertakenByAnInvalidationIsUsedOnceAndNotKept) {
  Ints cache{loads_, {.name = "test"}};
  Source source;
  std::atomic<int> before{0};
  std::atomic<int> after{0};
  run([](Ints& at, Source& from, Runtime& runtime, std::atomic<int>& first,
         std::atomic<int>& second) -> Task<void> {
    TaskGroup askers{runtime, "askers"};
    spawn(askers, "asker", ask(at, from, "k", first));
    EXPECT_EQ(from.loads, 1);
    from.value = 2;
    at.invalidate("k");
    spawn(askers, "asker", ask(at, from, "k", second));
    EXPECT_EQ(from.loads, 2);
    from.go.set();
    co_await askers.join();
    EXPECT_EQ(first, 1);
    EXPECT_EQ(second, 2);
    EXPECT_EQ(at.peek("k"), 2);
  }(cache, source, runtime_, before, after));
}

TEST_F(CacheTest, InvalidatingEverythingOvertakesLoadsToo) {
  Ints cache{loads_, {.name = "test"}};
  Source source;
  std::atomic<int> got{0};
  run([](Ints& at, Source& from, Runtime& runtime, std::atomic<int>& to) -> Task<void> {
    TaskGroup askers{runtime, "askers"};
    at.put("a", 5);
    spawn(askers, "asker", ask(at, from, "k", to));
    at.invalidate_all();
    from.go.set();
    co_await askers.join();
    EXPECT_EQ(to, 1);
    EXPECT_EQ(at.peek("k"), std::nullopt);
    EXPECT_EQ(at.peek("a"), std::nullopt);
    EXPECT_EQ(at.size(), 0U);
  }(cache, source, runtime_, got));
}

TEST_F(CacheTest, AWriteOvertakesALoad) {
  Ints cache{loads_, {.name = "test"}};
  Source source;
  std::atomic<int> got{0};
  run([](Ints& at, Source& from, Runtime& runtime, std::atomic<int>& to) -> Task<void> {
    TaskGroup askers{runtime, "askers"};
    spawn(askers, "asker", ask(at, from, "k", to));
    at.put("k", 9);
    from.go.set();
    co_await askers.join();
    EXPECT_EQ(at.peek("k"), 9);
  }(cache, source, runtime_, got));
}

TEST_F(CacheTest, AValuePutOverAnotherIsKept) {
  using Text = std::shared_ptr<const std::string>;
  Cache<std::string, Text> cache{loads_,
                                 {.name = "test", .max_size = 100},
                                 [](const std::string&, const Text& text) { return text->size(); }};
  cache.put("k", std::make_shared<const std::string>("old"));
  const Text value = std::make_shared<const std::string>("newer");
  cache.put("k", value);
  EXPECT_EQ(cache.peek("k"), value);
  EXPECT_EQ(cache.size(), 5U);
}

TEST_F(CacheTest, KeepsTheMostRecentlyUsedWithinItsBound) {
  Ints cache{loads_, {.name = "test", .max_size = 3}};
  cache.put("a", 1);
  cache.put("b", 2);
  cache.put("c", 3);
  EXPECT_EQ(cache.peek("a"), 1);
  cache.put("d", 4);
  EXPECT_EQ(cache.peek("b"), std::nullopt);
  EXPECT_EQ(cache.peek("a"), 1);
  EXPECT_EQ(cache.size(), 3U);
  cache.set_max_size(1);
  EXPECT_EQ(cache.size(), 1U);
  EXPECT_EQ(cache.peek("a"), 1);
}

TEST_F(CacheTest, WeighsWhatItIsToldToWeigh) {
  Cache<std::string, std::string> cache{
      loads_, {.name = "test", .max_size = 10}, [](const std::string&, const std::string& value) {
        return value.size();
      }};
  cache.put("a", "12345");
  cache.put("b", "12345");
  EXPECT_EQ(cache.size(), 10U);
  cache.put("a", "1234567");
  EXPECT_EQ(cache.size(), 7U);
  EXPECT_EQ(cache.peek("a"), "1234567");
  EXPECT_EQ(cache.peek("b"), std::nullopt);
  cache.put("c", "too large to be kept at all");
  EXPECT_EQ(cache.size(), 0U);
}

TEST_F(CacheTest, LetsGoOfWhatNobodyUses) {
  ServerCaches caches{runtime_, "hs", {}};
  Ints cache{loads_, {.name = "test", .server_name = "hs"}};
  Ints record{loads_, {.name = "record", .server_name = "hs", .record = true}};
  cache.put("a", 1);
  cache.put("b", 2);
  record.put("a", 1);
  caches.step();
  caches.step();
  EXPECT_EQ(cache.peek("a"), 1);
  caches.step();
  EXPECT_FALSE(caches.expire(2));
  EXPECT_EQ(cache.peek("a"), 1);
  EXPECT_EQ(cache.peek("b"), std::nullopt);
  EXPECT_EQ(record.peek("a"), 1);
  EXPECT_EQ(cache.counters().evicted_for_time, 1U);
}

TEST_F(CacheTest, LetsGoOfMuchInSteps) {
  ServerCaches caches{runtime_, "hs", {}};
  Ints cache{loads_, {.name = "test", .server_name = "hs"}};
  for (int i = 0; i < 200; ++i) {
    cache.put(std::to_string(i), i);
  }
  caches.step();
  caches.step();
  EXPECT_TRUE(caches.expire(1));
  EXPECT_GT(cache.size(), 0U);
  while (caches.expire(1)) {
  }
  EXPECT_EQ(cache.size(), 0U);
}

TEST_F(CacheTest, IsAsLargeAsItsServerSays) {
  Ints before{loads_, {.name = "before", .server_name = "hs", .max_size = 100}};
  Ints of_another{loads_, {.name = "before", .server_name = "another", .max_size = 100}};
  ServerCaches caches{runtime_, "hs", {.factor = 1.0, .factors = {{"getevent", 0.25}, {"tiny", 0.001}}}};
  Ints after{loads_, {.name = "getEvent", .server_name = "hs", .max_size = 100}};
  Ints tiny{loads_, {.name = "tiny", .server_name = "hs", .max_size = 100}};
  Ints record{loads_, {.name = "record", .server_name = "hs", .max_size = 100, .record = true}};
  EXPECT_EQ(before.counters().max_size, 200U);
  EXPECT_EQ(of_another.counters().max_size, 100U);
  EXPECT_EQ(after.counters().max_size, 50U);
  EXPECT_EQ(tiny.counters().max_size, 1U);
  EXPECT_EQ(record.counters().max_size, 100U);
  for (int i = 0; i < 60; ++i) {
    after.put(std::to_string(i), i);
  }
  EXPECT_EQ(after.size(), 50U);
  caches.apply({.factor = 0, .factors = {{"getevent", 0.1}}, .bounds = {{"getevent", 40}}});
  EXPECT_EQ(before.counters().max_size, 0U);
  EXPECT_EQ(after.counters().max_size, 8U);
  EXPECT_EQ(after.size(), 8U);
  EXPECT_EQ(after.peek("59"), 59);
  EXPECT_EQ(caches.names(), (std::vector<std::string>{"before", "getEvent", "record", "tiny"}));
}

TEST_F(CacheTest, KeepsSomethingHoweverSmallItsFactorIs) {
  ServerCaches caches{runtime_, "hs", {.factor = 0.00001}};
  Ints large{loads_, {.name = "large", .server_name = "hs", .max_size = 4096}};
  for (int i = 0; i < 200; ++i) {
    large.put(std::to_string(i), i);
    EXPECT_EQ(large.peek(std::to_string(i)), i);
  }
  EXPECT_EQ(large.counters().max_size, 16U);
  EXPECT_LE(large.size(), 16U);
  caches.apply({.factor = 0});
  EXPECT_EQ(large.size(), 0U);
}

TEST_F(CacheTest, NamesAreReadAsAdministratorsWriteThem) {
  EXPECT_EQ(CacheSettings::canonical("*getEvent*"), "getevent");
  EXPECT_EQ(CacheSettings::canonical("room_names"), "room_names");
}

TEST_F(CacheTest, AFailedLoadIsEverybodysErrorAndIsTriedAgain) {
  Ints cache{loads_, {.name = "test"}};
  run([](Ints& at) -> Task<void> {
    bool failed = false;
    try {
      co_await at.get("k", [](const std::string&) -> Task<int> {
        throw std::runtime_error{"no"};
        co_return 0;
      });
    } catch (const std::runtime_error&) {
      failed = true;
    }
    EXPECT_TRUE(failed);
    EXPECT_EQ(co_await at.get("k", [](const std::string&) -> Task<int> { co_return 3; }), 3);
  }(cache));
}

TEST_F(CacheTest, ACallerThatIsCancelledLeavesTheLoadToTheOthers) {
  Ints cache{loads_, {.name = "test"}};
  Source source;
  std::atomic<int> first{0};
  std::atomic<int> second{0};
  run([](Ints& at, Source& from, Runtime& runtime, std::atomic<int>& a, std::atomic<int>& b) -> Task<void> {
    TaskGroup leaving{runtime, "leaving"};
    TaskGroup staying{runtime, "staying"};
    spawn(leaving, "asker", ask(at, from, "k", a));
    spawn(staying, "asker", ask(at, from, "k", b));
    co_await leaving.stop();
    from.go.set();
    co_await staying.join();
    EXPECT_EQ(a, 0);
    EXPECT_EQ(b, 1);
    EXPECT_EQ(from.loads, 1);
  }(cache, source, runtime_, first, second));
}

TEST_F(CacheTest, HoldsUnderConcurrentUseAndInvalidation) {
  Cache<int, int> cache{loads_, {.name = "test", .max_size = 8192}};
  TaskGroup askers{runtime_, "askers"};
  std::atomic<int> wrong{0};
  for (std::size_t i = 0; i < 16; ++i) {
    spawn(
        askers, "asker",
        [](Cache<int, int>& at, int seed, std::atomic<int>& bad) -> Task<void> {
          for (int n = 0; n < 500; ++n) {
            const int key = (seed * 31 + n * 17) % 97;
            const int value =
                co_await at.get(key, [](const int& wanted) -> Task<int> { co_return wanted * 2; });
            bad += value == key * 2 ? 0 : 1;
            if (n % 13 == 0) {
              at.invalidate(key);
            }
            if (n % 101 == 0) {
              at.invalidate_all();
            }
          }
        }(cache, static_cast<int>(i), wrong),
        &runtime_.loop(i % 4));
  }
  run([](TaskGroup& all) -> Task<void> { co_await all.join(); }(askers));
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(cache.counters().pending, 0);
}

}  // namespace
}  // namespace lares
