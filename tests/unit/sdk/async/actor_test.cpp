// SPDX-License-Identifier: Apache-2.0
#include "runtime_fixture.hpp"

#include <lares/async/actor.hpp>
#include <lares/async/event.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

namespace lares {
namespace {

using namespace std::chrono_literals;
using testing::FourLoops;
using testing::yield;

class Counter : public Actor {
 public:
  using Actor::Actor;
  int count = 0;
};

class ActorTest : public FourLoops {
 protected:
  Counter here_{runtime_.loop(0)};
  Counter there_{runtime_.loop(1)};
};

TEST_F(ActorTest, CallsFromFourLoopsExcludeEachOther) {
  TaskGroup group{runtime_, "callers"};
  for (std::size_t i = 0; i < 4; ++i) {
    for (int n = 0; n < 50; ++n) {
      spawn(
          group, "caller",
          [](Counter& counter) -> Task<void> {
            for (int round = 0; round < 20; ++round) {
              co_await counter.call([&counter] {
                const int before = counter.count;
                counter.count = before + 1;
              });
            }
          }(there_),
          &runtime_.loop(i));
    }
  }
  run([](TaskGroup& all) -> Task<void> { co_await all.join(); }(group));
  EXPECT_EQ(there_.count, 4 * 50 * 20);
  EXPECT_EQ(there_.calls(), 0U);
}

TEST_F(ActorTest, GivesResultsAndErrorsOfFunctionsAndCoroutinesHereAndThere) {
  run([](Counter& here, Counter& there, Runtime& runtime) -> Task<void> {
    for (Counter* actor : {&here, &there}) {
      EXPECT_EQ(co_await actor->call([actor] { return actor->is_current() ? 5 : 0; }), 5);
      const int doubled = co_await actor->call(
          [](Counter* self, Runtime* at, int value) -> Task<int> {
            EXPECT_TRUE(self->is_current());
            co_await yield(*at);
            EXPECT_TRUE(self->is_current());
            co_return 2 * value;
          },
          actor, &runtime, 4);
      EXPECT_EQ(doubled, 8);
      int caught = 0;
      try {
        co_await actor->call([] { throw std::runtime_error{"plain"}; });
      } catch (const std::runtime_error&) {
        ++caught;
      }
      try {
        co_await actor->call(
            [](Runtime* at) -> Task<void> {
              co_await yield(*at);
              throw std::runtime_error{"coroutine"};
            },
            &runtime);
      } catch (const std::runtime_error&) {
        ++caught;
      }
      EXPECT_EQ(caught, 2);
      EXPECT_TRUE(here.is_current());
    }
  }(here_, there_, runtime_));
}

TEST_F(ActorTest, RefusesCallsBeyondItsLimits) {
  Counter small{runtime_.loop(1), "room", ActorLimits{.max_calls = 2, .max_bytes = 100}};
  Event go;
  TaskGroup group{runtime_, "callers"};
  run([](Counter& actor, Event& event, TaskGroup& all) -> Task<void> {
    const auto hold = [](Counter& at, Event& until, std::size_t bytes) -> Task<void> {
      co_await at.call_sized(bytes, [](Event* e) -> Task<void> { co_await e->wait(); }, &until);
    };
    spawn(all, "first", hold(actor, event, 90));
    bool too_large = false;
    try {
      co_await actor.call_sized(20, [] {});
    } catch (const QueueFull&) {
      too_large = true;
    }
    EXPECT_TRUE(too_large);
    spawn(all, "second", hold(actor, event, 10));
    bool too_many = false;
    try {
      co_await actor.call([] {});
    } catch (const QueueFull&) {
      too_many = true;
    }
    EXPECT_TRUE(too_many);
    EXPECT_EQ(actor.calls(), 2U);
    EXPECT_EQ(actor.bytes(), 100U);
    event.set();
    co_await all.join();
    EXPECT_EQ(actor.calls(), 0U);
    EXPECT_EQ(actor.bytes(), 0U);
  }(small, go, group));
}

TEST_F(ActorTest, CancellationReachesACoroutineOnAnotherLoop) {
  run([](Counter& there, Runtime& runtime) -> Task<void> {
    TaskGroup group{runtime, "callers"};
    std::atomic<bool> begun{false};
    std::atomic<bool> cancelled{false};
    spawn(group, "caller",
          [](Counter& actor, Runtime& at, std::atomic<bool>& b, std::atomic<bool>& c) -> Task<void> {
            co_await actor.call(
                [](Runtime* r, std::atomic<bool>* began, std::atomic<bool>* ended) -> Task<void> {
                  *began = true;
                  try {
                    co_await r->sleep_for(1h);
                  } catch (const boost::system::system_error&) {
                    *ended = true;
                    throw;
                  }
                },
                &at, &b, &c);
          }(there, runtime, begun, cancelled));
    while (!begun) {
      co_await yield(runtime);
    }
    co_await group.stop();
    EXPECT_TRUE(cancelled);
  }(there_, runtime_));
}

TEST_F(ActorTest, CallsOfOneCallerKeepTheirOrder) {
  run([](Counter& there, Runtime& runtime) -> Task<void> {
    TaskGroup group{runtime, "callers"};
    std::vector<int> order;
    for (int i = 0; i < 100; ++i) {
      spawn(group, "caller", [](Counter& actor, std::vector<int>& to, int number) -> Task<void> {
        co_await actor.call([&to, number] { to.push_back(number); });
      }(there, order, i));
    }
    co_await group.join();
    EXPECT_EQ(order.size(), 100U);
    EXPECT_TRUE(std::ranges::is_sorted(order));
  }(there_, runtime_));
}

}  // namespace
}  // namespace lares
