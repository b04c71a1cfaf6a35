// SPDX-License-Identifier: Apache-2.0
#include "runtime_fixture.hpp"

#include <lares/async/completion.hpp>
#include <lares/async/event.hpp>
#include <lares/async/promise.hpp>
#include <lares/async/shielded.hpp>
#include <lares/async/single_flight.hpp>
#include <lares/async/timeout.hpp>
#include <lares/async/when_all.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

namespace lares {
namespace {

using namespace std::chrono_literals;
using testing::FourLoops;
using testing::RuntimeTest;
using testing::yield;

template <class Function>
bool throws_cancelled(Function function) {
  try {
    function();
  } catch (const boost::system::system_error& error) {
    return error.code() == boost::asio::error::operation_aborted;
  }
  return false;
}

/// Runs a task that is expected to be cancelled, and says whether it was.
Task<void> note_cancelled(Task<void> task, bool& cancelled) {
  try {
    co_await std::move(task);
  } catch (const boost::system::system_error& error) {
    cancelled = error.code() == boost::asio::error::operation_aborted;
    throw;
  }
}

class CompletionTest : public FourLoops {};

TEST_F(CompletionTest, GivesTheResultOfAnotherThread) {
  const int result = run([]() -> Task<int> {
    Completion<int> done;
    std::thread worker;
    const int value = co_await done.after([&] { worker = std::thread{[&done] { done.set(7); }}; });
    worker.join();
    co_return value;
  }());
  EXPECT_EQ(result, 7);
}

TEST_F(CompletionTest, PassesOnAnError) {
  EXPECT_THROW(run([]() -> Task<void> {
                 Completion<> done;
                 co_await done.after([&] { done.fail(std::make_exception_ptr(std::out_of_range{"x"})); });
               }()),
               std::out_of_range);
}

TEST_F(CompletionTest, PassesOnWhatTheStartThrows) {
  EXPECT_THROW(run([]() -> Task<void> {
                 Completion<int> done;
                 co_await done.after([] { throw QueueFull{"writes"}; });
               }()),
               QueueFull);
}

TEST_F(CompletionTest, IsAwaitedWhenCancelledAfterTheStart) {
  run([](Runtime& runtime) -> Task<void> {
    TaskGroup group{runtime, "work"};
    Completion<int> done;
    int result = 0;
    bool started = false;
    spawn(group, "work", [](Completion<int>& at, int& to, bool& begun) -> Task<void> {
      to = co_await at.after([&begun] { begun = true; });
    }(done, result, started));
    EXPECT_TRUE(started);
    group.cancel();
    co_await yield(runtime);
    EXPECT_EQ(group.size(), 1U);
    done.set(3);
    co_await group.join();
    EXPECT_EQ(result, 3);
  }(runtime_));
}

TEST_F(CompletionTest, IsNotStartedWhenCancelledBefore) {
  run([](Runtime& runtime) -> Task<void> {
    TaskGroup group{runtime, "work"};
    Completion<int> done;
    bool started = false;
    bool cancelled = false;
    group.cancel();
    spawn(group, "work",
          note_cancelled(
              [](Runtime& at, Completion<int>& completion, bool& begun) -> Task<void> {
                co_await yield(at);
                co_await completion.after([&begun] { begun = true; });
              }(runtime, done, started),
              cancelled));
    co_await group.join();
    EXPECT_FALSE(started);
    EXPECT_TRUE(cancelled);
  }(runtime_));
}

TEST_F(CompletionTest, ManyAtOnceComeBackOnTheirLoops) {
  constexpr int kWrites = 500;
  std::mutex mutex;
  std::vector<Completion<int>*> queue;
  std::atomic<int> right{0};
  TaskGroup group{runtime_, "writes"};
  for (int i = 0; i < kWrites; ++i) {
    Loop& loop = runtime_.next_loop();
    spawn(
        group, "write",
        [](std::mutex& m, std::vector<Completion<int>*>& q, Loop& mine,
           std::atomic<int>& count) -> Task<void> {
          Completion<int> done;
          const int value = co_await done.after([&] {
            const std::lock_guard lock{m};
            q.push_back(&done);
          });
          count += value == 9 && mine.is_current() ? 1 : 0;
        }(mutex, queue, loop, right),
        &loop);
  }
  int completed = 0;
  while (completed < kWrites) {
    std::vector<Completion<int>*> commit;
    {
      const std::lock_guard lock{mutex};
      commit.swap(queue);
    }
    WakeBatch batch;
    for (Completion<int>* done : commit) {
      done->set(9, batch);
      ++completed;
    }
  }
  run([](TaskGroup& all) -> Task<void> { co_await all.join(); }(group));
  EXPECT_EQ(right, kWrites);
}

class PromiseTest : public RuntimeTest {};

TEST_F(PromiseTest, GivesItsValueToThoseWhoWaitAndThoseWhoComeLater) {
  run([]() -> Task<void> {
    Promise<std::string> promise;
    const Future<std::string> future = promise.future();
    EXPECT_FALSE(future.ready());
    EXPECT_TRUE(promise.set("x"));
    EXPECT_FALSE(promise.set("y"));
    EXPECT_TRUE(future.ready());
    EXPECT_EQ(co_await future.get(), "x");
    EXPECT_EQ(co_await promise.future().get(), "x");
  }());
}

TEST_F(PromiseTest, WaitingEndsAtTheDeadline) {
  run([](Runtime& runtime) -> Task<void> {
    const Promise<int> promise;
    bool timed_out = false;
    try {
      co_await promise.future().get(runtime.steady_now() + 2ms);
    } catch (const TimeoutError&) {
      timed_out = true;
    }
    EXPECT_TRUE(timed_out);
  }(runtime_));
}

TEST_F(PromiseTest, CancellingOneWaiterLeavesTheOthers) {
  run([](Runtime& runtime) -> Task<void> {
    Promise<int> promise;
    TaskGroup leaving{runtime, "leaving"};
    TaskGroup staying{runtime, "staying"};
    int result = 0;
    bool cancelled = false;
    const auto wait = [](Future<int> future, int& to) -> Task<void> { to = co_await future.get(); };
    int unused = 0;
    spawn(leaving, "waiter", note_cancelled(wait(promise.future(), unused), cancelled));
    spawn(staying, "waiter", wait(promise.future(), result));
    co_await leaving.stop();
    EXPECT_TRUE(cancelled);
    promise.set(4);
    co_await staying.join();
    EXPECT_EQ(result, 4);
  }(runtime_));
}

class EventTest : public FourLoops {};

TEST_F(EventTest, WakesAllWhoWaitAndStaysSet) {
  run([](Runtime& runtime) -> Task<void> {
    Event event;
    TaskGroup group{runtime, "waiters"};
    std::atomic<int> woken{0};
    for (std::size_t i = 0; i < 8; ++i) {
      spawn(
          group, "waiter",
          [](Event& at, std::atomic<int>& count) -> Task<void> {
            count += co_await at.wait() == Wake::kNotified ? 1 : 0;
          }(event, woken),
          &runtime.loop(i % 4));
    }
    event.set();
    co_await group.join();
    EXPECT_EQ(woken, 8);
    EXPECT_EQ(co_await event.wait(), Wake::kNotified);
    event.reset();
    EXPECT_EQ(co_await event.wait(runtime.steady_now() + 1ms), Wake::kTimeout);
  }(runtime_));
}

TEST_F(EventTest, ANotificationBetweenLookingAndWaitingIsNotMissed) {
  run([](Runtime& runtime) -> Task<void> {
    Notification changed;
    const std::uint64_t seen = changed.version();
    changed.notify();
    EXPECT_EQ(co_await changed.wait_beyond(seen, SteadyTime::max()), Wake::kNotified);
    EXPECT_EQ(co_await changed.wait_beyond(changed.version(), runtime.steady_now() + 1ms), Wake::kTimeout);
    EXPECT_FALSE(changed.has_waiters());
  }(runtime_));
}

TEST_F(EventTest, MayGoAsSoonAsItsWaiterHasReturned) {
  run([](Runtime& runtime) -> Task<void> {
    for (int i = 0; i < 2000; ++i) {
      const auto event = std::make_unique<Event>();
      runtime.loop(1).post([e = event.get()] { e->set(); });
      for (int n = 0; n < i % 50; ++n) {
        static_cast<void>(event->is_set());
      }
      co_await event->wait();
    }
  }(runtime_));
}

Task<void> follow(Notification& changed, std::atomic<std::uint64_t>& truth, std::uint64_t until) {
  for (;;) {
    const std::uint64_t version = changed.version();
    if (truth.load() >= until) {
      co_return;
    }
    co_await changed.wait_beyond(version, SteadyTime::max());
  }
}

TEST_F(EventTest, FollowersOnFourLoopsReachEveryChange) {
  constexpr std::uint64_t kChanges = 20'000;
  Notification changed;
  std::atomic<std::uint64_t> truth{0};
  TaskGroup group{runtime_, "followers"};
  for (std::size_t i = 0; i < 16; ++i) {
    spawn(group, "follower", follow(changed, truth, kChanges), &runtime_.loop(i % 4));
  }
  for (std::uint64_t i = 0; i < kChanges; ++i) {
    truth.fetch_add(1);
    changed.notify();
  }
  EXPECT_TRUE(run([](TaskGroup& all, Runtime& runtime) -> Task<bool> {
    co_return co_await all.join(runtime.steady_now() + 20s);
  }(group, runtime_)));
}

TEST_F(EventTest, WaitsThatRaceWithTheirDeadlinesAllEnd) {
  Notification changed;
  TaskGroup group{runtime_, "waiters"};
  std::atomic<int> ended{0};
  for (std::size_t i = 0; i < 400; ++i) {
    spawn(
        group, "waiter",
        [](Runtime& runtime, Notification& at, std::atomic<int>& count) -> Task<void> {
          for (int round = 0; round < 20; ++round) {
            co_await at.wait_beyond(at.version(),
                                    runtime.steady_now() + std::chrono::microseconds{round * 20});
          }
          ++count;
        }(runtime_, changed, ended),
        &runtime_.loop(i % 4));
  }
  while (group.size() != 0) {
    changed.notify();
    std::this_thread::yield();
  }
  run([](TaskGroup& all) -> Task<void> { co_await all.join(); }(group));
  EXPECT_EQ(ended, 400);
}

class WhenAllTest : public RuntimeTest {};

TEST_F(WhenAllTest, GivesTheResultsInTheOrderOfTheArguments) {
  run([](Runtime& runtime) -> Task<void> {
    const auto late = [](Runtime& at, int value) -> Task<int> {
      co_await at.sleep_for(2ms);
      co_return value;
    };
    const auto [a, b, c] = co_await when_all(late(runtime, 1), late(runtime, 2), runtime.sleep_for(1ms));
    EXPECT_EQ(a, 1);
    EXPECT_EQ(b, 2);
    static_cast<void>(c);
    std::vector<Task<int>> tasks;
    for (int i = 0; i < 5; ++i) {
      tasks.push_back(late(runtime, i));
    }
    EXPECT_EQ(co_await when_all(std::move(tasks)), (std::vector<int>{0, 1, 2, 3, 4}));
    co_await when_all(std::vector<Task<void>>{});
  }(runtime_));
}

TEST_F(WhenAllTest, TheFirstErrorCancelsTheOthers) {
  bool cancelled = false;
  EXPECT_THROW(run([](Runtime& runtime, bool& to) -> Task<void> {
                 co_await when_all(note_cancelled(runtime.sleep_for(1h), to), [](Runtime& at) -> Task<void> {
                   co_await yield(at);
                   throw std::runtime_error{"no"};
                 }(runtime));
               }(runtime_, cancelled)),
               std::runtime_error);
  EXPECT_TRUE(cancelled);
}

TEST_F(WhenAllTest, CancellationReachesAllBranches) {
  run([](Runtime& runtime) -> Task<void> {
    TaskGroup group{runtime, "group"};
    bool first = false;
    bool second = false;
    spawn(group, "both", [](Runtime& at, bool& a, bool& b) -> Task<void> {
      co_await when_all(note_cancelled(at.sleep_for(1h), a), note_cancelled(at.sleep_for(1h), b));
    }(runtime, first, second));
    co_await group.stop();
    EXPECT_TRUE(first);
    EXPECT_TRUE(second);
  }(runtime_));
}

class WithTimeout : public RuntimeTest {};

TEST_F(WithTimeout, GivesTheResultInTime) {
  run([](Runtime& runtime) -> Task<void> {
    const int value = co_await with_timeout(10s, [](Runtime& at) -> Task<int> {
      co_await yield(at);
      co_return 3;
    }(runtime));
    EXPECT_EQ(value, 3);
  }(runtime_));
}

TEST_F(WithTimeout, CancelsTheTaskAndThrows) {
  bool cancelled = false;
  EXPECT_THROW(run([](Runtime& runtime, bool& to) -> Task<void> {
                 co_await with_timeout(2ms, note_cancelled(runtime.sleep_for(1h), to));
               }(runtime_, cancelled)),
               TimeoutError);
  EXPECT_TRUE(cancelled);
}

TEST_F(WithTimeout, TheCallerGoesOnAfterwards) {
  run([](Runtime& runtime) -> Task<void> {
    bool timed_out = false;
    try {
      co_await with_timeout(1ms, runtime.sleep_for(1h));
    } catch (const TimeoutError&) {
      timed_out = true;
    }
    EXPECT_TRUE(timed_out);
    co_await runtime.sleep_for(1ms);
    EXPECT_EQ(current_context().name(), "test");
  }(runtime_));
}

TEST_F(WithTimeout, AShieldKeepsCancellationUntilTheTaskHasEnded) {
  run([](Runtime& runtime) -> Task<void> {
    Promise<int> promise;
    TaskGroup group{runtime, "shielded"};
    int result = 0;
    bool cancelled = false;
    const auto wait = [](Future<int> future, int& to) -> Task<void> { to = co_await future.get(); };
    spawn(group, "shielded", note_cancelled(shielded(wait(promise.future(), result)), cancelled));
    group.cancel();
    co_await testing::yield(runtime);
    EXPECT_FALSE(cancelled);
    promise.set(4);
    co_await group.join();
    EXPECT_EQ(result, 4);
    EXPECT_TRUE(cancelled);
    const int value = co_await shielded([]() -> Task<int> { co_return 5; }());
    EXPECT_EQ(value, 5);
  }(runtime_));
}

class TaskGroupTest : public RuntimeTest {};

TEST_F(TaskGroupTest, CountsWhatRuns) {
  run([](Runtime& runtime) -> Task<void> {
    TaskGroup group{runtime, "group"};
    EXPECT_TRUE(co_await group.join());
    Event go;
    for (int i = 0; i < 3; ++i) {
      spawn(group, "waiter", [](Event& event) -> Task<void> { co_await event.wait(); }(go));
    }
    EXPECT_EQ(group.size(), 3U);
    EXPECT_FALSE(co_await group.join(runtime.steady_now() + 1ms));
    go.set();
    EXPECT_TRUE(co_await group.join());
    EXPECT_EQ(group.size(), 0U);
  }(runtime_));
}

TEST_F(TaskGroupTest, StopCancelsWhatSleeps) {
  run([](Runtime& runtime) -> Task<void> {
    TaskGroup group{runtime, "group"};
    bool cancelled = false;
    spawn(group, "sleeper", note_cancelled(runtime.sleep_for(1h), cancelled));
    co_await group.stop();
    EXPECT_TRUE(cancelled);
    EXPECT_TRUE(group.cancelled());
  }(runtime_));
}

TEST_F(TaskGroupTest, ATaskThatThrowsDoesNotHarmTheOthers) {
  run([](Runtime& runtime) -> Task<void> {
    TaskGroup group{runtime, "group"};
    spawn(group, "thrower", []() -> Task<void> {
      throw std::runtime_error{"meant to be thrown by this test"};
      co_return;
    }());
    bool ran = false;
    spawn(group, "other", [](Runtime& at, bool& to) -> Task<void> {
      co_await yield(at);
      to = true;
    }(runtime, ran));
    co_await group.join();
    EXPECT_TRUE(ran);
  }(runtime_));
}

class SingleFlightTest : public FourLoops {};

TEST_F(SingleFlightTest, RunsOnceForAllWhoAskMeanwhile) {
  TaskGroup group{runtime_, "flights"};
  TaskGroup askers{runtime_, "askers"};
  SingleFlight<std::string, int> flights{group};
  Event go;
  static std::atomic<int> runs{0};
  runs = 0;
  std::atomic<int> sum{0};
  for (std::size_t i = 0; i < 20; ++i) {
    spawn(
        askers, "asker",
        [](SingleFlight<std::string, int>& all, Event& event, std::atomic<int>& to) -> Task<void> {
          to += co_await all.run("key", [&event](const std::string&) {
            return [](Event& at) -> Task<int> {
              ++runs;
              co_await at.wait();
              co_return 2;
            }(event);
          });
        }(flights, go, sum),
        &runtime_.loop(i % 4));
  }
  while (flights.size() == 0 || group.size() == 0) {
    std::this_thread::yield();
  }
  run([](Runtime& runtime, Event& event) -> Task<void> {
    co_await runtime.sleep_for(20ms);
    event.set();
  }(runtime_, go));
  run([](TaskGroup& all, TaskGroup& flying) -> Task<void> {
    co_await all.join();
    co_await flying.join();
  }(askers, group));
  EXPECT_EQ(sum, 40);
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(flights.size(), 0U);
}

}  // namespace
}  // namespace lares
