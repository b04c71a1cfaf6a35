// SPDX-License-Identifier: Apache-2.0
#include "../async/runtime_fixture.hpp"

#include <lares/stream/feed_board.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <vector>

namespace lares::stream {
namespace {

using namespace std::chrono_literals;
constexpr StreamNumber kEvents = StreamNumber::kEvents;

Token at(std::int64_t position) {
  Token token;
  token.set(kEvents, position);
  return token;
}

/// A board whose users are all in the room 7, at the position 10.
class FeedBoardTest : public testing::RuntimeTest {
 protected:
  Task<std::vector<std::int64_t>> rooms_of(std::int64_t) {
    ++loads_;
    if (failing_) {
      throw std::runtime_error("The database is away.");
    }
    co_return std::vector<std::int64_t>{7};
  }
  std::shared_ptr<UserFeed> feed(std::int64_t user) { return run(board_.feed(user)); }

  bool failing_ = false;
  int loads_ = 0;
  FeedBoard board_{runtime_, [] { return at(10); }, [this](std::int64_t user) { return rooms_of(user); }, 20};
};

TEST_F(FeedBoardTest, AFeedKnowsThatNothingHappenedSinceItBegan) {
  const auto user = feed(1);
  EXPECT_TRUE(user->unchanged_since(at(10)));
  EXPECT_TRUE(user->unchanged_since(at(11)));
}

TEST_F(FeedBoardTest, WhatHappenedBeforeAFeedIsNotKnown) {
  EXPECT_FALSE(feed(1)->unchanged_since(at(9)));
}

TEST_F(FeedBoardTest, WhatOneWriterHadWrittenBeforeAFeedIsNotKnown) {
  FeedBoard board{runtime_, [] { return *Token::parse("1.1-10~3-15"); },
                  [this](std::int64_t user) { return rooms_of(user); }, 20};
  const auto user = run(board.feed(1));
  EXPECT_FALSE(user->unchanged_since(*Token::parse("1.1-10~3-12")));
  EXPECT_TRUE(user->unchanged_since(*Token::parse("1.1-10~3-15")));
  EXPECT_TRUE(user->unchanged_since(*Token::parse("1.1-15")));
}

TEST_F(FeedBoardTest, ARoomConcernsThoseWhoAreInIt) {
  const auto one = feed(1);
  const auto two = feed(2);
  board_.left(2, 7);
  board_.room(7, kEvents, 1, 11);
  EXPECT_FALSE(one->unchanged_since(at(10)));
  EXPECT_TRUE(one->unchanged_since(at(11)));
  EXPECT_TRUE(two->unchanged_since(at(10)));
  board_.joined(2, 8);
  board_.joined(2, 8);
  board_.room(8, kEvents, 1, 12);
  EXPECT_TRUE(one->unchanged_since(at(11)));
  EXPECT_FALSE(two->unchanged_since(at(11)));
  board_.left(2, 8);
  board_.room(8, kEvents, 1, 13);
  EXPECT_TRUE(two->unchanged_since(at(12)));
}

TEST_F(FeedBoardTest, UsersAreConcernedOneByOne) {
  const auto one = feed(1);
  const auto two = feed(2);
  board_.users(std::array<std::int64_t, 2>{2, 99}, StreamNumber::kToDevice, 1, 3);
  EXPECT_TRUE(one->unchanged_since(at(10)));
  EXPECT_FALSE(two->unchanged_since(at(10)));
}

TEST_F(FeedBoardTest, CountsWhomTheRowsOfAStreamConcerned) {
  const auto one = feed(1);
  const auto two = feed(2);
  board_.left(2, 7);
  EXPECT_EQ(board_.rooms(), 1U);
  board_.room(7, kEvents, 1, 11);
  board_.room(8, kEvents, 1, 12);
  board_.users(std::array<std::int64_t, 3>{1, 2, 99}, StreamNumber::kToDevice, 1, 3);
  EXPECT_EQ(board_.woken(kEvents), 1U);
  EXPECT_EQ(board_.woken(StreamNumber::kToDevice), 2U);
  EXPECT_EQ(board_.events(), 2U);
}

TEST_F(FeedBoardTest, AnOlderPositionDoesNotHideANewerOne) {
  const auto user = feed(1);
  board_.room(7, kEvents, 1, 15);
  board_.room(7, kEvents, 1, 12);
  EXPECT_FALSE(user->unchanged_since(at(14)));
}

TEST_F(FeedBoardTest, EveryWriterCountsForItself) {
  const auto user = feed(1);
  board_.room(7, kEvents, 2, 15);
  Token ahead;
  ahead.set(kEvents, {10, {{2, 15}}});
  EXPECT_TRUE(user->unchanged_since(ahead));
  board_.room(7, kEvents, 1, 12);
  EXPECT_FALSE(user->unchanged_since(ahead));
}

TEST_F(FeedBoardTest, ARoomWakesWhoWaits) {
  const auto user = feed(1);
  std::atomic<bool> woken{false};
  run([](FeedBoard& board, UserFeed& waits, Runtime& runtime, std::atomic<bool>& to) -> Task<void> {
    TaskGroup waiters{runtime, "waiters"};
    const auto wait = [](UserFeed& on, std::atomic<bool>& out) -> Task<void> {
      out = co_await on.wait(at(10), 60s);
    };
    spawn(waiters, "waiter", wait(waits, to));
    board.room(8, kEvents, 1, 11);
    co_await testing::yield(runtime);
    EXPECT_FALSE(to);
    EXPECT_EQ(board.waiting(), 1U);
    board.room(7, kEvents, 1, 12);
    co_await waiters.join();
    EXPECT_EQ(board.waiting(), 0U);
  }(board_, *user, runtime_, woken));
  EXPECT_TRUE(woken);
}

TEST_F(FeedBoardTest, WaitingEndsAtTheDeadline) {
  const auto user = feed(1);
  EXPECT_FALSE(run(user->wait(at(10), 1ms)));
}

TEST_F(FeedBoardTest, NobodyWaitsOnceItHasEnded) {
  const auto user = feed(1);
  board_.end();
  EXPECT_FALSE(run(user->wait(at(10), 60s)));
  const auto late = feed(2);
  EXPECT_FALSE(run(late->wait(at(10), 60s)));
}

TEST_F(FeedBoardTest, AFeedIsMadeOnceAndFound) {
  EXPECT_EQ(board_.find(1), nullptr);
  const auto user = feed(1);
  EXPECT_EQ(feed(1), user);
  EXPECT_EQ(board_.find(1), user);
  EXPECT_EQ(loads_, 1);
  EXPECT_EQ(board_.feeds(), 1U);
}

TEST_F(FeedBoardTest, AFeedWhoseRoomsCouldNotBeReadIsReadAgain) {
  failing_ = true;
  EXPECT_THROW(static_cast<void>(feed(1)), std::runtime_error);
  EXPECT_EQ(board_.find(1), nullptr);
  failing_ = false;
  EXPECT_TRUE(feed(1)->unchanged_since(at(10)));
  EXPECT_EQ(loads_, 2);
}

TEST_F(FeedBoardTest, FeedsThatNobodyHoldsGoWhenThereAreTooMany) {
  const auto held = feed(1);
  for (std::int64_t user = 2; user <= 100; ++user) {
    static_cast<void>(feed(user));
    EXPECT_LE(board_.feeds(), 20U);
  }
  EXPECT_EQ(board_.find(1), held);
  EXPECT_NE(board_.find(100), nullptr);
  EXPECT_EQ(board_.find(2), nullptr);
  // The rooms know nothing of the feeds that went.
  board_.room(7, kEvents, 1, 11);
  EXPECT_FALSE(held->unchanged_since(at(10)));
}

}  // namespace
}  // namespace lares::stream
