// SPDX-License-Identifier: Apache-2.0
#include <invite_guard/counter.hpp>

#include <gtest/gtest.h>

#include <string>

namespace invite_guard {
namespace {

TEST(Counter, RefusesBeyondTheLimitUntilTheWindowEnds) {
  Counter counter({2, 1000});
  EXPECT_TRUE(counter.take("a", 0));
  EXPECT_TRUE(counter.take("a", 500));
  EXPECT_FALSE(counter.take("a", 999));
  EXPECT_TRUE(counter.take("b", 999));
  EXPECT_TRUE(counter.take("a", 1000));
}

TEST(Counter, CountsNothingWithoutALimit) {
  Counter counter({0, 1000});
  EXPECT_TRUE(counter.take("a", 0));
  EXPECT_TRUE(counter.windows().empty());
}

TEST(Counter, ForgetsEndedWindowsRatherThanGrow) {
  Counter counter({1, 1000});
  for (std::size_t i = 0; i < Counter::kMaxUsers + 10; ++i) {
    EXPECT_TRUE(counter.take(std::to_string(i), 0));
  }
  EXPECT_EQ(counter.windows().size(), Counter::kMaxUsers);
  EXPECT_TRUE(counter.take("late", 1000));
  EXPECT_EQ(counter.windows().size(), 1u);
}

}  // namespace
}  // namespace invite_guard
