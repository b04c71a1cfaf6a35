// SPDX-License-Identifier: Apache-2.0
#include <lares/stream/stream_number.hpp>

#include <gtest/gtest.h>

namespace lares::stream {
namespace {

TEST(StreamNumber, EveryNumberHasANameThatLeadsBack) {
  for (std::size_t i = 1; i < kStreamNumbers; ++i) {
    const auto number = static_cast<StreamNumber>(i);
    EXPECT_FALSE(stream_name(number).empty()) << i;
    EXPECT_EQ(stream_number(stream_name(number)), number) << i;
  }
}

TEST(StreamNumber, StreamsWithoutAPlaceInTokensHaveNone) {
  for (const char* name : {"", "caches", "backfill", "Events", "events "}) {
    EXPECT_EQ(stream_number(name), std::nullopt) << name;
  }
}

// Tokens of clients are older than any release.
TEST(StreamNumber, NumbersNeverChange) {
  EXPECT_EQ(stream_number("events"), static_cast<StreamNumber>(1));
  EXPECT_EQ(stream_number("typing"), static_cast<StreamNumber>(2));
  EXPECT_EQ(stream_number("receipts"), static_cast<StreamNumber>(3));
  EXPECT_EQ(stream_number("account_data"), static_cast<StreamNumber>(4));
  EXPECT_EQ(stream_number("to_device"), static_cast<StreamNumber>(5));
  EXPECT_EQ(stream_number("presence"), static_cast<StreamNumber>(6));
  EXPECT_EQ(stream_number("push_rules"), static_cast<StreamNumber>(7));
  EXPECT_EQ(stream_number("device_lists"), static_cast<StreamNumber>(8));
  EXPECT_EQ(stream_number("thread_subscriptions"), static_cast<StreamNumber>(9));
  EXPECT_EQ(stream_number("un_partial_stated_room"), static_cast<StreamNumber>(10));
  EXPECT_EQ(stream_number("sticky_events"), static_cast<StreamNumber>(11));
}

}  // namespace
}  // namespace lares::stream
