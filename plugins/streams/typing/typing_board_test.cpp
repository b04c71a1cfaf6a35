// SPDX-License-Identifier: Apache-2.0
#include "typing_board.hpp"

#include <lares/async/blocking_pool.hpp>
#include <lares/async/real_runtime.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lares::typing {
namespace {

using stream::StreamPosition;

class TypingBoardTest : public ::testing::Test {
 protected:
  static TypingRoom set(std::int64_t room, std::int64_t position, std::vector<std::string> users) {
    return {.room = room,
            .room_id = "!" + std::to_string(room) + ":a",
            .users = std::move(users),
            .position = position,
            .writer = 1};
  }
  std::vector<TypingRoom> changed(std::int64_t room, bool whole, std::int64_t from, std::int64_t to) {
    return run_blocking(runtime_, "test",
                        board_.changed({{room, whole}}, StreamPosition{from}, StreamPosition{to}));
  }

  RealRuntime runtime_{{.threads = 1}};
  TypingBoard board_{runtime_};
};

TEST_F(TypingBoardTest, ShowsASetOnceToWhoeverHasNotSeenIt) {
  board_.take(set(1, 5, {"@a:a"}));
  ASSERT_EQ(changed(1, false, 4, 5).size(), 1U);
  EXPECT_EQ(changed(1, false, 4, 5).front().users, std::vector<std::string>{"@a:a"});
  EXPECT_TRUE(changed(1, false, 5, 9).empty());
  EXPECT_TRUE(changed(2, false, 4, 5).empty());
}

TEST_F(TypingBoardTest, LeavesWhatIsBeyondTheEndToTheNextSync) {
  board_.take(set(1, 5, {"@a:a"}));
  board_.take(set(1, 8, {"@a:a", "@b:a"}));
  EXPECT_TRUE(changed(1, false, 4, 7).empty());
  EXPECT_EQ(changed(1, false, 7, 8).size(), 1U);
}

TEST_F(TypingBoardTest, ShowsTheEndOfTypingButNotToNewcomers) {
  board_.take(set(1, 5, {"@a:a"}));
  board_.take(set(1, 6, {}));
  ASSERT_EQ(changed(1, false, 5, 6).size(), 1U);
  EXPECT_TRUE(changed(1, true, 0, 6).empty());
}

TEST_F(TypingBoardTest, ShowsToWhoComesBackIntoARoomThatNobodyTypesAnyMore) {
  board_.take(set(1, 5, {"@a:a"}));
  board_.take(set(1, 6, {}));
  ASSERT_EQ(changed(1, true, 8, 8).size(), 1U);
  EXPECT_TRUE(changed(1, true, 8, 8).front().users.empty());
  ASSERT_EQ(changed(2, true, 8, 8).size(), 1U);
  EXPECT_EQ(changed(2, true, 8, 8).front().room, 2);
  EXPECT_TRUE(changed(2, true, 8, 8).front().users.empty());
}

TEST_F(TypingBoardTest, ShowsNoSetWhoseEndTheClientMayHaveMissedElsewhere) {
  board_.take(set(1, 5, {"@a:a"}));
  ASSERT_EQ(changed(1, true, 6, 5).size(), 1U);
  EXPECT_TRUE(changed(1, true, 6, 5).front().users.empty());
  EXPECT_EQ(changed(1, true, 5, 5).front().users, std::vector<std::string>{"@a:a"});
}

TEST_F(TypingBoardTest, ShowsEverySetToWhoKnowsTheWritersFormerLife) {
  constexpr std::int64_t kLife = std::int64_t{1} << 32;
  board_.take(set(1, 2 * kLife + 1, {"@a:a"}));
  EXPECT_EQ(changed(1, false, kLife + 7, 2 * kLife + 1).front().users, std::vector<std::string>{"@a:a"});
  ASSERT_EQ(changed(2, false, kLife + 7, 2 * kLife + 1).size(), 1U);
  EXPECT_TRUE(changed(2, false, kLife + 7, 2 * kLife + 1).front().users.empty());
  ASSERT_EQ(changed(2, true, kLife + 7, 2 * kLife + 1).size(), 1U);
  EXPECT_TRUE(changed(2, true, kLife + 7, 2 * kLife + 1).front().users.empty());
  EXPECT_TRUE(changed(2, false, 2 * kLife, 2 * kLife + 1).empty());
}

TEST_F(TypingBoardTest, ForgetsTheOldestOfThoseThatEnded) {
  board_.take(set(1, 1, {}));
  board_.take(set(2, 2, {"@a:a"}));
  for (std::size_t i = 0; i < TypingBoard::kMostEnded; ++i) {
    board_.take(set(static_cast<std::int64_t>(10 + i), static_cast<std::int64_t>(10 + i), {}));
  }
  EXPECT_EQ(board_.rooms(), TypingBoard::kMostEnded + 1);
  EXPECT_TRUE(changed(1, false, 0, 100'000).empty());
  EXPECT_EQ(board_.typing_of(1).size(), 1U);
}

TEST_F(TypingBoardTest, GivesRoomsOfAWriterInTheirOrder) {
  board_.take(set(3, 30, {"@a:a"}));
  board_.take(set(1, 10, {"@a:a"}));
  board_.take(set(2, 20, {}));
  const std::vector<TypingRoom> rooms = board_.between(1, 10, 30);
  ASSERT_EQ(rooms.size(), 2U);
  EXPECT_EQ(rooms[0].room, 2);
  EXPECT_EQ(rooms[1].room, 3);
  EXPECT_TRUE(board_.between(2, 0, 100).empty());
}

}  // namespace
}  // namespace lares::typing
