// SPDX-License-Identifier: Apache-2.0
#include "runtime_fixture.hpp"

#include <lares/async/event.hpp>
#include <lares/async/log_context.hpp>
#include <lares/base/log.hpp>
#include <lares/base/metrics.hpp>

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <semaphore>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace lares {
namespace {

using namespace std::chrono_literals;
using testing::FourLoops;
using testing::RuntimeTest;
using testing::spin;
using testing::yield;

class RealRuntimeTest : public FourLoops {};

TEST_F(RealRuntimeTest, EachLoopHasAThreadOfItsOwn) {
  std::mutex mutex;
  std::set<std::thread::id> threads;
  TaskGroup group{runtime_, "loops"};
  for (std::size_t i = 0; i < runtime_.loop_count(); ++i) {
    spawn(
        group, "loop",
        [](std::mutex& m, std::set<std::thread::id>& to, Loop& mine) -> Task<void> {
          EXPECT_EQ(Loop::current(), &mine);
          const std::lock_guard lock{m};
          to.insert(std::this_thread::get_id());
          co_return;
        }(mutex, threads, runtime_.loop(i)),
        &runtime_.loop(i));
  }
  run([](TaskGroup& all) -> Task<void> { co_await all.join(); }(group));
  EXPECT_EQ(threads.size(), 4U);
  EXPECT_EQ(Loop::current(), nullptr);
}

TEST_F(RealRuntimeTest, NextLoopGoesRound) {
  std::set<Loop*> loops;
  for (int i = 0; i < 4; ++i) {
    loops.insert(&runtime_.next_loop());
  }
  EXPECT_EQ(loops.size(), 4U);
  EXPECT_EQ(&runtime_.loop_for(6), &runtime_.loop(2));
}

TEST_F(RealRuntimeTest, TimersEndInTheOrderOfTheirDeadlines) {
  run([](Runtime& runtime) -> Task<void> {
    TaskGroup group{runtime, "sleepers"};
    std::vector<int> order;
    const SteadyTime start = runtime.steady_now();
    for (const int ms : {9, 3, 12, 1, 6}) {
      spawn(group, "sleeper",
            [](Runtime& at, SteadyTime until, std::vector<int>& to, int number) -> Task<void> {
              co_await at.sleep_until(until);
              EXPECT_GE(at.steady_now(), until);
              to.push_back(number);
            }(runtime, start + std::chrono::milliseconds{ms}, order, ms));
    }
    co_await group.join();
    EXPECT_EQ(order, (std::vector<int>{1, 3, 6, 9, 12}));
  }(runtime_));
}

TEST_F(RealRuntimeTest, ThousandsOfTimersThatAreCancelledLeaveNothingBehind) {
  run([](Runtime& runtime) -> Task<void> {
    TaskGroup group{runtime, "sleepers"};
    for (int i = 0; i < 5000; ++i) {
      spawn(group, "sleeper", runtime.sleep_for(std::chrono::hours{1 + i * 7919 % 5000}));
    }
    co_await group.stop();
    const SteadyTime start = runtime.steady_now();
    co_await runtime.sleep_for(1ms);
    EXPECT_LT(runtime.steady_now() - start, 5s);
  }(runtime_));
}

TEST_F(RealRuntimeTest, PostedFunctionsKeepTheirOrder) {
  std::vector<int> order;
  Event done;
  for (int i = 0; i < 100; ++i) {
    runtime_.loop(2).post([&order, i] { order.push_back(i); });
  }
  runtime_.loop(2).post([&done] { done.set(); });
  run([](Event& event) -> Task<void> { co_await event.wait(); }(done));
  EXPECT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST_F(RealRuntimeTest, RandomBytesFillEverySize) {
  std::array<std::uint8_t, 300> first{};
  std::array<std::uint8_t, 300> second{};
  runtime_.random_bytes(first);
  runtime_.random_bytes(second);
  EXPECT_NE(first, second);
  EXPECT_GT(std::set<std::uint8_t>(first.begin(), first.end()).size(), 100U);
}

TEST_F(RealRuntimeTest, ResolvesNumbersAndTheHostsFile) {
  run([](Runtime& runtime) -> Task<void> {
    const auto numeric = co_await runtime.resolve("127.0.0.1");
    EXPECT_EQ(numeric.at(0).to_string(), "127.0.0.1");
    const auto local = co_await runtime.resolve("localhost");
    EXPECT_TRUE(local.at(0).is_loopback());
    bool failed = false;
    try {
      co_await runtime.resolve("no such name");
    } catch (const boost::system::system_error&) {
      failed = true;
    }
    EXPECT_TRUE(failed);
    EXPECT_EQ(current_context().name(), "test");
  }(runtime_));
}

class LastLine : public log::Capture {
 public:
  LastLine() { log::set_capture(this); }
  ~LastLine() override { log::set_capture(nullptr); }
  void line(std::string_view text) override { last = text; }
  std::string last;
};

TEST_F(RealRuntimeTest, LoopsThatAreHeldAreCountedAndTheLogNamesWhoHeldThem) {
  LastLine log;
  run([](Runtime& runtime) -> Task<void> {
    const auto context = LogContext::create("GET-7", "hs");
    context->set_request({.request_id = "GET-7", .method = "GET", .url = "/held"});
    context->set_tag("sync_v2:initial_sync");
    const ContextScope scope{context};
    co_await yield(runtime);
    spin(60ms);
    co_await yield(runtime);
    EXPECT_NE(runtime.metrics().expose().find("lares_loop_stalls_total 1\n"), std::string::npos);
  }(runtime_));
  EXPECT_NE(log.last.find("lares.runtime"), std::string::npos) << log.last;
  EXPECT_NE(log.last.find("by GET-7 sync_v2:initial_sync, GET /held;"), std::string::npos) << log.last;
}

class BlockingPoolTest : public RuntimeTest {};

TEST_F(BlockingPoolTest, GivesResultsAndErrors) {
  BlockingPool& pool = runtime_.create_pool({.name = "work", .threads = 2});
  EXPECT_EQ(&runtime_.pool("work"), &pool);
  EXPECT_THROW(runtime_.create_pool({.name = "work"}), std::logic_error);
  EXPECT_THROW(static_cast<void>(runtime_.pool("none")), std::logic_error);
  run([](BlockingPool& at) -> Task<void> {
    EXPECT_EQ(co_await run_on(at, [] { return std::string{"x"}; }), "x");
    bool thrown = false;
    try {
      co_await run_on(at, [] { throw std::runtime_error{"no"}; });
    } catch (const std::runtime_error&) {
      thrown = true;
    }
    EXPECT_TRUE(thrown);
  }(pool));
}

TEST_F(BlockingPoolTest, RefusesWhatItsQueueCannotHold) {
  BlockingPool& pool = runtime_.create_pool({.name = "work", .threads = 1, .max_queue = 2});
  run([](Runtime& runtime, BlockingPool& at) -> Task<void> {
    std::mutex held;
    held.lock();
    std::atomic<bool> begun{false};
    TaskGroup group{runtime, "jobs"};
    const auto job = [](BlockingPool& on, std::mutex& until, std::atomic<bool>& began) -> Task<void> {
      co_await run_on(on, [&] {
        began = true;
        const std::lock_guard wait{until};
      });
    };
    spawn(group, "job", job(at, held, begun));
    while (!begun) {
      co_await yield(runtime);
    }
    spawn(group, "job", job(at, held, begun));
    spawn(group, "job", job(at, held, begun));
    EXPECT_EQ(at.waiting(), 2U);
    bool refused = false;
    try {
      co_await run_on(at, [] {});
    } catch (const QueueFull&) {
      refused = true;
    }
    EXPECT_TRUE(refused);
    const std::string metrics = runtime.metrics().expose();
    EXPECT_NE(metrics.find("lares_pool_queue_size{name=\"work\"} 2"), std::string::npos);
    EXPECT_NE(metrics.find("lares_pool_refused_total{name=\"work\"} 1"), std::string::npos);
    EXPECT_NE(metrics.find("synapse_threadpool_working_threads{name=\"work\"} 1"), std::string::npos);
    held.unlock();
    co_await group.join();
  }(runtime_, pool));
}

TEST(RealRuntimeEnd, AbandonsWorkThatWaitsAndDestroysWhatIsSuspended) {
  std::counting_semaphore<> held{0};
  std::atomic<bool> begun{false};
  std::atomic<int> ran{0};
  {
    RealRuntime runtime{{.threads = 2}};
    BlockingPool& pool = runtime.create_pool({.name = "work", .threads = 1});
    TaskGroup group{runtime, "jobs"};
    for (int i = 0; i < 5; ++i) {
      spawn(group, "job",
            [](BlockingPool& at, std::counting_semaphore<>& until, std::atomic<bool>& began,
               std::atomic<int>& count) -> Task<void> {
              co_await run_on(at, [&] {
                ++count;
                began = true;
                until.acquire();
              });
            }(pool, held, begun, ran));
    }
    while (!begun) {
      std::this_thread::yield();
    }
    std::thread release{[&held] {
      std::this_thread::sleep_for(10ms);
      held.release(5);
    }};
    runtime.stop();
    release.join();
  }
  // How many began depends on the machine; those that did not were abandoned, and the runtime's end waited
  // for the others.
  EXPECT_GE(ran, 1);
}

}  // namespace
}  // namespace lares
