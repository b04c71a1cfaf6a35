// SPDX-License-Identifier: Apache-2.0
#include <http/deadline_wheel.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>

namespace lares::http {
namespace {

using namespace std::chrono_literals;

struct Entry final : Timed {
  void on_deadline() noexcept override {
    ++fired;
    if (then) {
      then();
    }
  }
  int fired = 0;
  std::function<void()> then;
};

class DeadlineWheelTest : public testing::Test {
 protected:
  SteadyTime start_{100h};
  DeadlineWheel wheel_{start_};
};

TEST_F(DeadlineWheelTest, FiresOnceAndNeverEarly) {
  Entry entry;
  wheel_.set(entry, start_ + 10s);
  wheel_.advance(start_ + 9999ms);
  EXPECT_EQ(entry.fired, 0);
  wheel_.advance(start_ + 10'250ms);
  EXPECT_EQ(entry.fired, 1);
  wheel_.advance(start_ + 1h);
  EXPECT_EQ(entry.fired, 1);
}

TEST_F(DeadlineWheelTest, FollowsADeadlineThatMoves) {
  Entry entry;
  wheel_.set(entry, start_ + 10s);
  wheel_.set(entry, start_ + 60s);
  wheel_.advance(start_ + 59s);
  EXPECT_EQ(entry.fired, 0);
  wheel_.set(entry, start_ + 61s);
  wheel_.set(entry, start_ + 60s);
  wheel_.advance(start_ + 60'500ms);
  EXPECT_EQ(entry.fired, 1);
}

TEST_F(DeadlineWheelTest, ReachesBeyondItsHorizon) {
  Entry entry;
  wheel_.set(entry, start_ + 2h);
  wheel_.advance(start_ + 1h);
  EXPECT_EQ(entry.fired, 0);
  wheel_.advance(start_ + 2h + 1s);
  EXPECT_EQ(entry.fired, 1);
}

TEST_F(DeadlineWheelTest, ForgetsWhatIsClearedOrRemoved) {
  Entry cleared;
  Entry removed;
  wheel_.set(cleared, start_ + 1s);
  wheel_.set(removed, start_ + 1s);
  wheel_.clear(cleared);
  wheel_.remove(removed);
  wheel_.advance(start_ + 1min);
  EXPECT_EQ(cleared.fired + removed.fired, 0);
  wheel_.set(cleared, start_ + 2min);
  wheel_.advance(start_ + 3min);
  EXPECT_EQ(cleared.fired, 1);
}

TEST_F(DeadlineWheelTest, AllowsChangesWhileItFires) {
  Entry first;
  Entry second;
  Entry third;
  first.then = [&] {
    wheel_.remove(second);
    wheel_.remove(third);
    wheel_.set(first, start_ + 5s);
  };
  second.then = third.then = first.then;
  wheel_.set(first, start_ + 1s);
  wheel_.set(second, start_ + 1s);
  wheel_.set(third, start_ + 1s);
  wheel_.advance(start_ + 2s);
  EXPECT_EQ(first.fired + second.fired + third.fired, 1);
}

TEST_F(DeadlineWheelTest, AgreesWithASimpleModel) {
  std::mt19937 random(1);
  std::array<Entry, 50> entries;
  std::map<std::size_t, SteadyTime> model;
  std::array<int, 50> expected{};
  SteadyTime now = start_;
  for (int round = 0; round < 20'000; ++round) {
    const std::size_t at = random() % entries.size();
    if (random() % 4 == 0) {
      wheel_.clear(entries[at]);
      model.erase(at);
    } else {
      const SteadyTime deadline = now + std::chrono::seconds(1 + random() % 300);
      wheel_.set(entries[at], deadline);
      model[at] = deadline;
    }
    now += std::chrono::milliseconds(random() % 500);
    wheel_.advance(now);
    for (auto entry = model.begin(); entry != model.end();) {
      // Within a tick either is right.
      if (entry->second + 500ms <= now) {
        ++expected[entry->first];
        entry = model.erase(entry);
      } else if (entry->second > now) {
        ++entry;
      } else if (entries[entry->first].fired > expected[entry->first]) {
        ++expected[entry->first];
        entry = model.erase(entry);
      } else {
        ++entry;
      }
    }
    for (std::size_t each = 0; each < entries.size(); ++each) {
      if (!model.contains(each) || model[each] > now) {
        ASSERT_EQ(entries[each].fired, expected[each]) << round;
      }
    }
  }
  for (Entry& entry : entries) {
    wheel_.remove(entry);
  }
}

}  // namespace
}  // namespace lares::http
