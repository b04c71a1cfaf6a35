// SPDX-License-Identifier: Apache-2.0
#include "person.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace lares::presence {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const SteadyTime kStart{std::chrono::hours{100}};
const Settings kSettings;

State at(const Person& person, SteadyTime now) {
  return person.look(now, kSettings).state;
}

TEST(PersonTest, IsOfflineAsLongAsNothingHappens) {
  const Person person;
  EXPECT_EQ(at(person, kStart), State::kOffline);
  EXPECT_EQ(person.look(kStart, kSettings).changes_at, SteadyTime::max());
}

TEST(PersonTest, IsOfflineHalfAMinuteAfterTheLastSync) {
  Person person;
  person.acts(kStart, 1);
  person.syncs(1, State::kOnline, kStart, kStart, kSettings);
  EXPECT_EQ(at(person, kStart + seconds{29}), State::kOnline);
  EXPECT_EQ(at(person, kStart + seconds{30}), State::kOffline);
  EXPECT_EQ(person.look(kStart, kSettings).changes_at, kStart + seconds{30});
}

TEST(PersonTest, TakesTheBestOfItsDevices) {
  Person person;
  person.syncs(1, State::kUnavailable, kStart, kStart + minutes{1}, kSettings);
  person.syncs(2, State::kOnline, kStart, kStart, kSettings);
  EXPECT_EQ(at(person, kStart + seconds{1}), State::kOnline);
  EXPECT_EQ(at(person, kStart + seconds{31}), State::kUnavailable);
}

TEST(PersonTest, IsActiveForAMinuteAndIdleAfterFive) {
  Person person;
  person.acts(kStart, 1);
  person.syncs(1, State::kOnline, kStart, kStart + minutes{10}, kSettings);
  EXPECT_TRUE(person.look(kStart + seconds{59}, kSettings).currently_active);
  EXPECT_FALSE(person.look(kStart + seconds{60}, kSettings).currently_active);
  EXPECT_EQ(person.look(kStart + seconds{60}, kSettings).changes_at, kStart + minutes{5});
  EXPECT_EQ(at(person, kStart + minutes{5}), State::kUnavailable);
  person.acts(kStart + minutes{6}, 2);
  EXPECT_EQ(at(person, kStart + minutes{6}), State::kOnline);
}

TEST(PersonTest, WhatWasSaidHoldsUntilTheNextSyncBegins) {
  Person person;
  person.syncs(1, State::kOnline, kStart, kStart, kSettings);
  person.says(State::kUnavailable, kStart + seconds{1});
  person.syncs(1, State::kOnline, kStart, kStart + seconds{5}, kSettings);
  EXPECT_EQ(at(person, kStart + seconds{5}), State::kUnavailable);
  person.syncs(1, State::kOnline, kStart + seconds{6}, kStart + seconds{6}, kSettings);
  EXPECT_EQ(at(person, kStart + seconds{6}), State::kOnline);
}

TEST(PersonTest, WhatWasSaidWithoutSyncingEndsByItself) {
  Person person;
  person.says(State::kOnline, kStart);
  EXPECT_EQ(at(person, kStart + seconds{29}), State::kOnline);
  EXPECT_EQ(at(person, kStart + seconds{30}), State::kOffline);
}

TEST(PersonTest, AReportThatArrivesTwiceOrLateChangesNothing) {
  Person person;
  person.syncs(1, State::kUnavailable, kStart + seconds{3}, kStart + seconds{3}, kSettings);
  person.syncs(1, State::kOnline, kStart, kStart, kSettings);
  EXPECT_EQ(at(person, kStart + seconds{32}), State::kUnavailable);
}

TEST(PersonTest, CountsALimitedNumberOfDevices) {
  Person person;
  for (std::uint64_t device = 0; device < Person::kMostDevices; ++device) {
    person.syncs(device, State::kUnavailable, kStart, kStart, kSettings);
  }
  person.syncs(1'000, State::kOnline, kStart, kStart, kSettings);
  EXPECT_EQ(at(person, kStart), State::kUnavailable);
}

}  // namespace
}  // namespace lares::presence
