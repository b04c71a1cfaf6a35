// SPDX-License-Identifier: Apache-2.0
#include "runtime_fixture.hpp"

#include <lares/async/actor.hpp>
#include <lares/async/completion.hpp>
#include <lares/async/log_context.hpp>
#include <lares/async/promise.hpp>
#include <lares/async/when_all.hpp>
#include <lares/base/log.hpp>
#include <lares/base/metrics.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace lares {
namespace {

using namespace std::chrono_literals;
using testing::cpu_of;
using testing::FourLoops;
using testing::RuntimeTest;
using testing::spin;
using testing::yield;

class LogContexts : public RuntimeTest {};
class LogContextsOnFourLoops : public FourLoops {};

RefPtr<LogContext> request(std::string name) {
  return LogContext::create(std::move(name), "hs");
}

TEST(LogContext, SentinelIsFalseAndIsChargedNothing) {
  LogContext& sentinel = LogContext::sentinel();
  EXPECT_FALSE(static_cast<bool>(sentinel));
  EXPECT_EQ(sentinel.name(), "sentinel");
  sentinel.add_db_transaction(5ms);
  sentinel.add_event_fetches(2);
  EXPECT_EQ(sentinel.usage(), Usage{});
  EXPECT_TRUE(current_context().is_sentinel());
}

TEST(LogContext, ScopeInPlainCodeRestoresWhatWasCurrent) {
  const auto outer = request("outer");
  const auto inner = request("inner");
  {
    const ContextScope first{outer};
    {
      const ContextScope second{inner};
      EXPECT_EQ(&current_context(), inner.get());
    }
    EXPECT_EQ(&current_context(), outer.get());
    {
      const ContextScope none{nullptr};
      EXPECT_TRUE(current_context().is_sentinel());
    }
    EXPECT_EQ(&current_context(), outer.get());
  }
  EXPECT_TRUE(current_context().is_sentinel());
}

TEST(LogContext, ChargesReachAllAncestors) {
  const auto top = request("GET-1");
  const auto middle = top->child("block");
  const auto leaf = middle->child();
  EXPECT_EQ(middle->name(), "GET-1-block");
  EXPECT_EQ(leaf->name(), "GET-1-block");
  EXPECT_EQ(leaf->server_name(), "hs");
  leaf->add_db_transaction(3ms);
  leaf->add_db_sched(2ms);
  leaf->add_event_fetches(7);
  for (const auto& context : {top, middle, leaf}) {
    EXPECT_EQ(context->usage().db_txn_count, 1U);
    EXPECT_EQ(context->usage().db_txn_duration, 3ms);
    EXPECT_EQ(context->usage().db_sched_duration, 2ms);
    EXPECT_EQ(context->usage().evt_db_fetch_count, 7U);
  }
}

TEST(LogContext, UsagesAddAndSubtract) {
  const auto context = request("GET-1");
  context->add_db_transaction(3ms);
  const Usage before = context->usage();
  context->add_db_transaction(4ms);
  const Usage block = context->usage() - before;
  EXPECT_EQ(block.db_txn_count, 1U);
  EXPECT_EQ(block.db_txn_duration, 4ms);
  EXPECT_EQ(before + block, context->usage());
}

TEST(LogContext, NegativeTimesAreRefusedAndReported) {
  static std::atomic<int> reports{0};
  reports = 0;
  set_context_misuse_handler([](std::string_view) { ++reports; });
  const auto context = request("GET-1");
  context->add_db_transaction(-1ms);
  context->add_db_sched(-1ms);
  set_context_misuse_handler(nullptr);
  EXPECT_EQ(reports, 2);
  EXPECT_EQ(context->usage(), Usage{});
}

TEST(LogContext, RunningUnderAFinishedContextIsReportedOnce) {
  static std::atomic<int> reports{0};
  reports = 0;
  set_context_misuse_handler([](std::string_view sentence) {
    EXPECT_EQ(sentence, "Re-starting finished log context GET-1");
    ++reports;
  });
  const auto context = request("GET-1");
  context->finish();
  for (int i = 0; i < 3; ++i) {
    const ContextScope scope{context};
  }
  set_context_misuse_handler(nullptr);
  EXPECT_EQ(reports, 1);
}

TEST(LogContext, ScopesThatEndInAnotherOrderAreReportedAndLeaveTheSentinel) {
  static std::atomic<int> reports{0};
  reports = 0;
  set_context_misuse_handler([](std::string_view) { ++reports; });
  auto first = std::make_unique<ContextScope>(request("first"));
  auto second = std::make_unique<ContextScope>(request("second"));
  first.reset();
  second.reset();
  set_context_misuse_handler(nullptr);
  EXPECT_GE(reports, 1);
  EXPECT_TRUE(current_context().is_sentinel());
}

TEST(LogContext, RequestFactsAndRequesterAreInherited) {
  const auto context = request("GET-1");
  context->set_request({.request_id = "GET-1", .ip_address = "192.0.2.1", .method = "GET", .url = "/x"});
  const auto child = context->child();
  ASSERT_NE(child->request(), nullptr);
  EXPECT_EQ(child->request()->ip_address, "192.0.2.1");
  context->set_requester("@a:hs");
  const std::string_view before = child->requester();
  context->set_requester("@b:hs", "@admin:hs");
  EXPECT_EQ(before, "@a:hs");
  EXPECT_EQ(child->requester(), "@b:hs");
  EXPECT_EQ(child->authenticated_entity(), "@admin:hs");
  context->set_tag("sync_v2:initial_sync");
  EXPECT_EQ(child->tag(), "sync_v2:initial_sync");
}

// T1: the same request id before and after any number of awaits, under load.
Task<void> await_many(Runtime& runtime, std::string expected, int awaits, std::atomic<int>& wrong) {
  for (int i = 0; i < awaits; ++i) {
    if (current_context().name() != expected) {
      ++wrong;
    }
    co_await runtime.sleep_for(std::chrono::microseconds{i % 3 * 50});
    if (current_context().name() != expected) {
      ++wrong;
    }
  }
}

TEST_F(LogContexts, SurviveAwaitsOfAThousandRequestsAtATime) {
  std::atomic<int> wrong{0};
  TaskGroup group{runtime_, "requests"};
  for (int i = 0; i < 1000; ++i) {
    std::string name = "GET-" + std::to_string(i);
    spawn(group, request(name), await_many(runtime_, name, 1 + i % 7, wrong));
  }
  run([](TaskGroup& all) -> Task<void> { co_await all.join(); }(group));
  EXPECT_EQ(wrong, 0);
}

Task<void> visit_actors(Runtime& runtime, std::vector<std::unique_ptr<Actor>>& actors, std::string expected,
                        std::atomic<int>& wrong) {
  const auto check = [&wrong, &expected] { wrong += current_context().name() == expected ? 0 : 1; };
  for (const auto& actor : actors) {
    check();
    co_await actor->call([&check] { check(); });
    check();
    co_await actor->call(
        [](Runtime* at, std::string name, std::atomic<int>* count) -> Task<void> {
          *count += current_context().name() == name ? 0 : 1;
          co_await yield(*at);
          *count += current_context().name() == name ? 0 : 1;
        },
        &runtime, expected, &wrong);
    check();
  }
}

/// Keeps the lines' requests and messages, without what the runtime says of a machine that is busy.
class LineCapture : public log::Capture {
 public:
  LineCapture() { log::set_capture(this); }
  ~LineCapture() override { log::set_capture(nullptr); }
  void line(std::string_view text) override {
    // time - name - line - LEVEL - request - message
    if (text.find(" - lares.runtime - ") != std::string_view::npos) {
      return;
    }
    const std::size_t message = text.rfind(" - ");
    const std::size_t request = text.rfind(" - ", message - 1);
    lines.emplace_back(text.substr(request + 3, message - request - 3), text.substr(message + 3));
  }
  std::vector<std::pair<std::string, std::string>> lines;
};

Task<void> log_around_awaits(Runtime& runtime, std::vector<std::unique_ptr<Actor>>& actors, std::string name,
                             int awaits) {
  const log::Logger logger{"test"};
  for (int i = 0; i < awaits; ++i) {
    logger.warning("{}", name);
    co_await runtime.sleep_for(std::chrono::microseconds{i % 3 * 50});
    logger.warning("{}", name);
    co_await actors[static_cast<std::size_t>(i) % actors.size()]->call(
        [&logger, &name] { logger.warning("{}", name); });
  }
}

TEST_F(LogContextsOnFourLoops, LogLinesBeforeAndAfterAwaitsCarryTheRequest) {
  LineCapture capture;
  std::vector<std::unique_ptr<Actor>> actors;
  for (std::size_t i = 0; i < 4; ++i) {
    actors.push_back(std::make_unique<Actor>(runtime_.loop(i)));
  }
  TaskGroup group{runtime_, "requests"};
  std::size_t expected = 0;
  for (int i = 0; i < 1000; ++i) {
    std::string name = "GET-" + std::to_string(i);
    const int awaits = 1 + i % 7;
    expected += static_cast<std::size_t>(awaits) * 3;
    spawn(group, request(name), log_around_awaits(runtime_, actors, name, awaits), &runtime_.next_loop());
  }
  run([](TaskGroup& all) -> Task<void> { co_await all.join(); }(group));
  EXPECT_EQ(capture.lines.size(), expected);
  for (const auto& [shown, name] : capture.lines) {
    EXPECT_EQ(shown, name);
  }
}

TEST_F(LogContextsOnFourLoops, SurviveCallsIntoFourActorsOfAThousandRequestsAtATime) {
  std::atomic<int> wrong{0};
  std::vector<std::unique_ptr<Actor>> actors;
  for (std::size_t i = 0; i < 4; ++i) {
    actors.push_back(std::make_unique<Actor>(runtime_.loop(i)));
  }
  TaskGroup group{runtime_, "requests"};
  for (int i = 0; i < 1000; ++i) {
    std::string name = "GET-" + std::to_string(i);
    spawn(group, request(name), visit_actors(runtime_, actors, name, wrong), &runtime_.next_loop());
  }
  run([](TaskGroup& all) -> Task<void> { co_await all.join(); }(group));
  EXPECT_EQ(wrong, 0);
}

TEST_F(LogContexts, SurviveExceptions) {
  run([](Runtime& runtime) -> Task<void> {
    LogContext* const mine = &current_context();
    try {
      co_await [](Runtime& at) -> Task<void> {
        co_await yield(at);
        throw std::runtime_error{"no"};
      }(runtime);
    } catch (const std::runtime_error&) {
    }
    EXPECT_EQ(&current_context(), mine);
    co_await yield(runtime);
    EXPECT_EQ(&current_context(), mine);
  }(runtime_));
}

TEST_F(LogContexts, ANestedScopeIsCurrentAcrossSuspensionsAndEndsWithItsBlock) {
  run([](Runtime& runtime) -> Task<void> {
    const RefPtr<LogContext> mine{&current_context()};
    {
      const ContextScope block{mine->child("block")};
      EXPECT_EQ(current_context().name(), "test-block");
      co_await yield(runtime);
      EXPECT_EQ(current_context().name(), "test-block");
      spin(2ms);
    }
    EXPECT_EQ(&current_context(), mine.get());
    co_await yield(runtime);
    EXPECT_EQ(&current_context(), mine.get());
    EXPECT_GE(cpu_of(mine->usage()), 2ms);
  }(runtime_));
}

TEST_F(LogContexts, AreRightBehindTimersOfAsioAndStrands) {
  run([](Loop& loop) -> Task<void> {
    boost::asio::steady_timer timer{loop.io_context(), 1ms};
    co_await timer.async_wait(boost::asio::use_awaitable);
    EXPECT_EQ(current_context().name(), "test");
    const auto strand = boost::asio::make_strand(co_await boost::asio::this_coro::executor);
    co_await boost::asio::co_spawn(
        strand,
        []() -> Task<void> {
          EXPECT_EQ(current_context().name(), "test");
          co_return;
        },
        boost::asio::use_awaitable);
    EXPECT_EQ(current_context().name(), "test");
  }(runtime_.loop(0)));
}

TEST(LogContext, ChangesAreTracedForWhoAsksForItByName) {
  const auto change = [] { const ContextScope scope{request("GET-traced")}; };
  LineCapture capture;
  log::set_level("lares", log::Level::kDebug);
  change();
  EXPECT_TRUE(capture.lines.empty());
  log::set_level("lares.logging.context.debug", log::Level::kDebug);
  change();
  log::set_level("lares.logging.context.debug", std::nullopt);
  log::set_level("lares", std::nullopt);
  ASSERT_EQ(capture.lines.size(), 2U);
  EXPECT_EQ(capture.lines[0].second, "to GET-traced");
  EXPECT_EQ(capture.lines[1].second, "to sentinel");
}

TEST_F(LogContexts, TheLoopSeesTheSentinelBetweenResumes) {
  run([](Runtime& runtime) -> Task<void> {
    Promise<bool> seen;
    runtime.loop(0).post([&seen] { seen.set(current_context().is_sentinel()); });
    EXPECT_TRUE(co_await seen.future().get());
  }(runtime_));
}

// T2: what is spawned carries its parent's name, and nobody else's log line does.
TEST_F(LogContexts, ABackgroundTaskRunsUnderItsParentsContextAndLeavesTheCallersAlone) {
  run([](Runtime& runtime) -> Task<void> {
    TaskGroup group{runtime, "background"};
    const RefPtr<LogContext> mine{&current_context()};
    std::vector<std::string> seen;
    LineCapture capture;
    const log::Logger logger{"test"};
    spawn(group, mine->child("child"), [](Runtime& at, std::vector<std::string>& names) -> Task<void> {
      const log::Logger of_child{"test"};
      of_child.warning("in the child");
      names.push_back(current_context().name());
      co_await yield(at);
      of_child.warning("in the child");
      names.push_back(current_context().name());
    }(runtime, seen));
    logger.warning("beside it");
    EXPECT_EQ(&current_context(), mine.get());
    spawn(group, request("GET-2"), [](Runtime& at) -> Task<void> {
      EXPECT_EQ(current_context().name(), "GET-2");
      co_await yield(at);
      EXPECT_EQ(current_context().name(), "GET-2");
    }(runtime));
    EXPECT_EQ(&current_context(), mine.get());
    co_await group.join();
    EXPECT_EQ(&current_context(), mine.get());
    EXPECT_EQ(seen, (std::vector<std::string>{"test-child", "test-child"}));
    EXPECT_EQ(capture.lines.size(), 3U);
    for (const auto& [shown, message] : capture.lines) {
      EXPECT_EQ(shown, message == "beside it" ? "test" : "test-child");
    }
  }(runtime_));
}

// T3: CPU of a spinning handler is its own, not its neighbour's.
Task<void> spin_and_yield(Runtime& runtime, int times, std::chrono::nanoseconds each) {
  for (int i = 0; i < times; ++i) {
    spin(each);
    co_await yield(runtime);
  }
}

TEST_F(LogContexts, ChargeCpuToWhoUsedIt) {
  const auto busy = request("GET-busy");
  const auto idle = request("GET-idle");
  TaskGroup group{runtime_, "requests"};
  spawn(group, busy, spin_and_yield(runtime_, 20, 2ms));
  spawn(group, idle, spin_and_yield(runtime_, 20, 0ns));
  run([](TaskGroup& all) -> Task<void> { co_await all.join(); }(group));
  EXPECT_GE(cpu_of(busy->usage()), 39ms);
  EXPECT_LE(cpu_of(busy->usage()), 80ms);
  EXPECT_LE(cpu_of(idle->usage()), 5ms);
}

TEST_F(LogContexts, ChargeManyShortSlices) {
  const auto busy = request("GET-busy");
  TaskGroup group{runtime_, "requests"};
  spawn(group, busy, spin_and_yield(runtime_, 500, 20us));
  run([](TaskGroup& all) -> Task<void> { co_await all.join(); }(group));
  EXPECT_GE(cpu_of(busy->usage()), 9ms);
}

TEST_F(LogContexts, DoNotChargeForSleepingOnTheThread) {
  const auto context = request("GET-1");
  {
    const ContextScope scope{context};
    std::this_thread::sleep_for(20ms);
    EXPECT_LE(cpu_of(context->usage()), 5ms);
    spin(3ms);
    // The running slice counts.
    EXPECT_GE(cpu_of(context->usage()), 3ms);
  }
  EXPECT_LE(cpu_of(context->usage()), 10ms);
}

TEST_F(LogContextsOnFourLoops, ChargeCpuInActorsOfOtherLoopsToTheCaller) {
  const auto busy = request("GET-busy");
  const auto idle = request("GET-idle");
  std::vector<std::unique_ptr<Actor>> actors;
  for (std::size_t i = 0; i < 4; ++i) {
    actors.push_back(std::make_unique<Actor>(runtime_.loop(i)));
  }
  const auto visit = [](std::vector<std::unique_ptr<Actor>>& all,
                        std::chrono::nanoseconds each) -> Task<void> {
    for (const auto& actor : all) {
      co_await actor->call([each] { spin(each); });
      co_await actor->call(
          [](std::chrono::nanoseconds time) -> Task<void> {
            spin(time);
            co_return;
          },
          each);
    }
  };
  TaskGroup group{runtime_, "requests"};
  spawn(group, busy, visit(actors, 3ms));
  spawn(group, idle, visit(actors, 0ns));
  run([](TaskGroup& all) -> Task<void> { co_await all.join(); }(group));
  EXPECT_GE(cpu_of(busy->usage()), 23ms);
  EXPECT_LE(cpu_of(busy->usage()), 60ms);
  EXPECT_LE(cpu_of(idle->usage()), 5ms);
}

TEST_F(LogContexts, ChargeBranchesToTheCallerAndJoinUnderIt) {
  run([](Runtime& runtime) -> Task<void> {
    const RefPtr<LogContext> mine{&current_context()};
    std::vector<Task<void>> branches;
    for (int i = 0; i < 3; ++i) {
      branches.push_back(spin_and_yield(runtime, 2, 1ms));
    }
    co_await when_all(std::move(branches));
    EXPECT_EQ(&current_context(), mine.get());
    EXPECT_GE(cpu_of(mine->usage()), 5ms);
  }(runtime_));
}

// T4 and T5 against a fake of the database layer: it waits for its one connection, and reads some of the
// events from a cache.
class FakeDatabase {
 public:
  explicit FakeDatabase(BlockingPool& pool) : pool_{pool} {}

  /// A transaction that lasts until it may end, and that misses the cache so many times.
  Task<void> read(std::counting_semaphore<>& may_end, std::uint64_t misses) {
    const auto asked = std::chrono::steady_clock::now();
    co_await run_on(pool_, [asked, &may_end, misses] {
      const auto begun = std::chrono::steady_clock::now();
      current_context().add_db_sched(begun - asked);
      may_end.acquire();
      current_context().add_event_fetches(misses);
      current_context().add_db_transaction(std::chrono::steady_clock::now() - begun);
    });
  }

 private:
  BlockingPool& pool_;
};

TEST_F(LogContexts, TellWaitingForTheDatabaseFromWorkInIt) {
  BlockingPool& pool = runtime_.create_pool({.name = "db", .threads = 1});
  FakeDatabase database{pool};
  std::counting_semaphore<> may_end{0};
  const auto first = request("GET-1");
  const auto second = request("GET-2");
  TaskGroup group{runtime_, "requests"};
  run([](TaskGroup& all, FakeDatabase& at, std::counting_semaphore<>& end, RefPtr<LogContext> a,
         RefPtr<LogContext> b) -> Task<void> {
    spawn(all, std::move(a), at.read(end, 3));
    spawn(all, std::move(b), at.read(end, 0));
    co_return;
  }(group, database, may_end, first, second));
  while (pool.waiting() != 1 || first->usage().db_sched_duration == 0ns) {
    std::this_thread::yield();
  }
  const auto both_there = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(20ms);
  const auto held = std::chrono::steady_clock::now() - both_there;
  may_end.release(2);
  run([](TaskGroup& all) -> Task<void> { co_await all.join(); }(group));
  EXPECT_GE(first->usage().db_txn_duration, held);
  EXPECT_GE(second->usage().db_sched_duration, held);
  for (const auto& context : {first, second}) {
    EXPECT_EQ(context->usage().db_txn_count, 1U);
    EXPECT_LE(cpu_of(context->usage()), 10ms);
  }
  EXPECT_EQ(first->usage().evt_db_fetch_count, 3U);
  EXPECT_EQ(second->usage().evt_db_fetch_count, 0U);
}

// T8: frames that are destroyed while suspended make nothing current.
TEST(LogContextLifetime, DestroyingSuspendedCoroutinesLeavesTheSentinel) {
  struct AtEnd {
    explicit AtEnd(bool& to) : destroyed{to} {}
    AtEnd(const AtEnd&) = delete;
    AtEnd& operator=(const AtEnd&) = delete;
    ~AtEnd() {
      destroyed = true;
      EXPECT_TRUE(current_context().is_sentinel());
    }
    bool& destroyed;
  };
  bool destroyed = false;
  RefPtr<LogContext> context = request("GET-1");
  {
    RealRuntime runtime;
    TaskGroup group{runtime, "orphans"};
    spawn(group, context, [](bool& to) -> Task<void> {
      const AtEnd at_end{to};
      const ContextScope scope{current_context().child("inner")};
      Waiter never;
      co_await never.wait([] {});
    }(destroyed));
    run_blocking(runtime, "test", yield(runtime));
    runtime.stop();
    EXPECT_FALSE(destroyed);
    // The group's tasks are cancelled too late to run; the loops destroy them.
  }
  EXPECT_TRUE(destroyed);
  EXPECT_TRUE(current_context().is_sentinel());
  EXPECT_EQ(context->owners(), 1U);
}

TEST_F(LogContexts, DroppingAPromiseResumesItsWaiterUnderItsOwnContext) {
  run([](Runtime& runtime) -> Task<void> {
    TaskGroup group{runtime, "waiters"};
    std::optional<Promise<int>> promise{std::in_place};
    bool broken = false;
    spawn(group, request("GET-b"), [](Future<int> future, bool& to) -> Task<void> {
      try {
        co_await future.get();
      } catch (const BrokenPromise&) {
        to = current_context().name() == "GET-b";
      }
    }(promise->future(), broken));
    promise.reset();
    EXPECT_EQ(current_context().name(), "test");
    EXPECT_FALSE(broken);
    co_await group.join();
    EXPECT_TRUE(broken);
  }(runtime_));
}

// T9: completing a promise resumes the waiter under its own context, and the completer goes on under its own.
TEST_F(LogContexts, CompletingAPromiseChangesNobodysContext) {
  run([](Runtime& runtime) -> Task<void> {
    TaskGroup group{runtime, "waiters"};
    Promise<int> promise;
    std::vector<std::string> order;
    spawn(group, request("GET-b"), [](Future<int> future, std::vector<std::string>& seen) -> Task<void> {
      const int value = co_await future.get();
      seen.push_back(current_context().name() + " got " + std::to_string(value));
    }(promise.future(), order));
    promise.set(5);
    order.push_back(current_context().name() + " goes on");
    co_await group.join();
    EXPECT_EQ(order, (std::vector<std::string>{"test goes on", "GET-b got 5"}));
  }(runtime_));
}

TEST_F(LogContextsOnFourLoops, CompletingAPromiseResumesWaitersOnTheirLoopsUnderTheirContexts) {
  std::atomic<int> right{0};
  TaskGroup group{runtime_, "waiters"};
  Promise<int> promise;
  for (std::size_t i = 0; i < 40; ++i) {
    Loop& loop = runtime_.loop(i % 4);
    spawn(
        group, request("GET-" + std::to_string(i)),
        [](Future<int> future, Loop& mine, std::string name, std::atomic<int>& count) -> Task<void> {
          co_await future.get();
          count += mine.is_current() && current_context().name() == name ? 1 : 0;
        }(promise.future(), loop, "GET-" + std::to_string(i), right),
        &loop);
  }
  const auto completer = request("GET-completer");
  {
    const ContextScope scope{completer};
    promise.set(1);
    EXPECT_EQ(current_context().name(), "GET-completer");
  }
  run([](TaskGroup& all) -> Task<void> { co_await all.join(); }(group));
  EXPECT_EQ(right, 40);
}

TEST_F(LogContextsOnFourLoops, CompletingAPromiseInAnActorResumesWaitersInTheirsUnderTheirContexts) {
  std::vector<std::unique_ptr<Actor>> actors;
  for (std::size_t i = 0; i < 4; ++i) {
    actors.push_back(std::make_unique<Actor>(runtime_.loop(i)));
  }
  std::atomic<int> waiting{0};
  std::atomic<int> right{0};
  TaskGroup group{runtime_, "waiters"};
  Promise<int> promise;
  struct Waits {
    Future<int> future;
    Actor& actor;
    std::string name;
    std::atomic<int>& waiting;
    std::atomic<int>& right;
  };
  std::vector<std::unique_ptr<Waits>> waits;
  for (std::size_t i = 0; i < 40; ++i) {
    waits.push_back(std::make_unique<Waits>(
        Waits{promise.future(), *actors[i % 4], "GET-" + std::to_string(i), waiting, right}));
    spawn(group, request(waits.back()->name), [](Waits& mine) -> Task<void> {
      co_await mine.actor.call(
          [](Waits* own) -> Task<void> {
            ++own->waiting;
            co_await own->future.get();
            own->right += own->actor.loop().is_current() && current_context().name() == own->name ? 1 : 0;
          },
          &mine);
      mine.right += current_context().name() == mine.name ? 1 : 0;
    }(*waits.back()));
  }
  while (waiting != 40) {
    std::this_thread::yield();
  }
  spawn(group, request("GET-completer"), [](Actor& actor, Promise<int>& to) -> Task<void> {
    co_await actor.call([&to] {
      to.set(1);
      EXPECT_EQ(current_context().name(), "GET-completer");
    });
    EXPECT_EQ(current_context().name(), "GET-completer");
  }(*actors[0], promise));
  run([](TaskGroup& all) -> Task<void> { co_await all.join(); }(group));
  EXPECT_EQ(right, 80);
}

// T10: background processes, whatever starts them, show in the metrics.
TEST_F(LogContexts, BackgroundProcessesShowInTheMetrics) {
  run([](Runtime& runtime) -> Task<void> {
    TaskGroup group{runtime, "background"};
    for (int i = 0; i < 3; ++i) {
      spawn(group, Background{"replication-RDATA-typing", "hs"}, [](Runtime& at) -> Task<void> {
        EXPECT_TRUE(current_context().name().starts_with("replication-RDATA-typing-"));
        current_context().add_db_transaction(1ms);
        co_await yield(at);
      }(runtime));
    }
    const std::string during = runtime.metrics().expose();
    EXPECT_NE(during.find("synapse_background_process_in_flight_count{server_name=\"hs\",name=\"replication-"
                          "RDATA-typing\"} 3"),
              std::string::npos);
    co_await group.join();
    const std::string after = runtime.metrics().expose();
    EXPECT_NE(after.find("synapse_background_process_start_count_total{server_name=\"hs\",name=\"replication-"
                         "RDATA-typing\"} 3"),
              std::string::npos);
    EXPECT_NE(after.find("synapse_background_process_in_flight_count{server_name=\"hs\",name=\"replication-"
                         "RDATA-typing\"} 0"),
              std::string::npos);
    EXPECT_NE(after.find("synapse_background_process_db_txn_count_total{server_name=\"hs\",name="
                         "\"replication-RDATA-typing\"} 3"),
              std::string::npos);
  }(runtime_));
}

TEST_F(LogContexts, PoolWorkRunsUnderAChildThatChargesTheCaller) {
  BlockingPool& pool = runtime_.create_pool({.name = "work", .threads = 2});
  run([](BlockingPool& at) -> Task<void> {
    const RefPtr<LogContext> mine{&current_context()};
    const std::string name = co_await run_on(at, [&mine] {
      EXPECT_NE(&current_context(), mine.get());
      EXPECT_EQ(current_context().parent(), mine.get());
      spin(5ms);
      return current_context().name();
    });
    EXPECT_EQ(name, "test");
    EXPECT_EQ(&current_context(), mine.get());
    EXPECT_GE(cpu_of(mine->usage()), 5ms);
  }(pool));
}

}  // namespace
}  // namespace lares
