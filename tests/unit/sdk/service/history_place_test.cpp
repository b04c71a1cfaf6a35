// SPDX-License-Identifier: Apache-2.0
#include <lares/service/rooms.hpp>

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <string_view>

namespace lares::service {
namespace {

TEST(HistoryPlace, IsReadBackAsItWasWritten) {
  for (const HistoryPlace place :
       {HistoryPlace{}, HistoryPlace{12, 345},
        HistoryPlace{std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::max()},
        HistoryPlace{3, -17}}) {
    EXPECT_EQ(HistoryPlace::parse(place.text()), place) << place.text();
  }
  EXPECT_EQ((HistoryPlace{12, 345}.text()), "h12-345");
}

TEST(HistoryPlace, IsOrderedByDepthFirst) {
  EXPECT_LT((HistoryPlace{1, 900}), (HistoryPlace{2, 3}));
  EXPECT_LT((HistoryPlace{2, 3}), (HistoryPlace{2, 4}));
}

TEST(HistoryPlace, RefusesWhatIsNone) {
  for (const std::string_view text : {"",
                                      "h",
                                      "h-",
                                      "h1",
                                      "h1-",
                                      "h-1-5",
                                      "h1-5 ",
                                      " h1-5",
                                      "h1-5x",
                                      "h1x-5",
                                      "hx-5",
                                      "1-5",
                                      "H1-5",
                                      "t1-5",
                                      "1.1-5",
                                      "h1--",
                                      "h9223372036854775808-1",
                                      "h1-9223372036854775808",
                                      "h1-5-6",
                                      "h+1-5"}) {
    EXPECT_EQ(HistoryPlace::parse(text), std::nullopt) << text;
  }
  EXPECT_EQ(HistoryPlace::parse("h1-" + std::string(100, '0')), std::nullopt);
}

}  // namespace
}  // namespace lares::service
