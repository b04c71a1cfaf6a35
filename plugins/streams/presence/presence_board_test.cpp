// SPDX-License-Identifier: Apache-2.0
#include "presence_board.hpp"

#include <virtual_runtime.hpp>

#include <lares/async/blocking_pool.hpp>
#include <lares/async/real_runtime.hpp>
#include <lares/async/task_group.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace lares::presence {
namespace {

using namespace std::chrono_literals;
using stream::StreamPosition;

class PresenceBoardTest : public ::testing::Test {
 protected:
  void take(std::int64_t user, State state, std::int64_t position, stream::WriterNumber writer = 1) {
    PresenceState presence;
    presence.user = user;
    presence.user_id = "@" + std::to_string(user) + ":a";
    presence.state = state;
    presence.position = position;
    presence.writer = writer;
    board_.take(std::move(presence));
  }
  PresenceBoard::Changes changes(std::int64_t from, std::int64_t to) {
    return run_blocking(runtime_, "test", board_.ask_changes(StreamPosition{from}, StreamPosition{to}));
  }

  RealRuntime runtime_{{.threads = 1}};
  PresenceBoard board_{runtime_};
};

TEST_F(PresenceBoardTest, GivesTheLastChangeOfEachOnce) {
  take(1, State::kOnline, 5);
  take(2, State::kOnline, 6);
  take(1, State::kUnavailable, 7);
  EXPECT_EQ(changes(4, 7).people.size(), 2U);
  ASSERT_EQ(changes(6, 7).people.size(), 1U);
  EXPECT_EQ(changes(6, 7).people.front()->state, State::kUnavailable);
  EXPECT_TRUE(changes(7, 9).people.empty());
}

TEST_F(PresenceBoardTest, KeepsThoseApartWhoShareAPosition) {
  take(1, State::kOffline, 9);
  take(2, State::kOffline, 9);
  take(3, State::kOffline, 9, 2);
  EXPECT_EQ(changes(8, 9).people.size(), 3U);
  EXPECT_EQ(board_.between(1, 8, 9).size(), 2U);
}

TEST_F(PresenceBoardTest, LeavesWhoChangedAfterAPositionToTheNextSync) {
  take(1, State::kOnline, 5);
  take(2, State::kOnline, 6);
  take(3, State::kOffline, 4);
  const auto present = run_blocking(runtime_, "test", board_.ask_present(StreamPosition{5}));
  ASSERT_EQ(present.size(), 1U);
  EXPECT_EQ(present.front()->user, 1);
  ASSERT_EQ(changes(5, 6).people.size(), 1U);
  EXPECT_EQ(changes(5, 6).people.front()->user, 2);
}

TEST_F(PresenceBoardTest, SaysWhenItNoLongerKnowsAllThatChanged) {
  board_.set_complete_from(100);
  EXPECT_FALSE(changes(99, 200).complete);
  EXPECT_TRUE(changes(100, 200).complete);
}

TEST_F(PresenceBoardTest, DropsTheOldestWhoAreOfflineWhenItIsFull) {
  take(-1, State::kOnline, 1);
  const auto most = static_cast<std::int64_t>(PresenceBoard::kMostPeople);
  for (std::int64_t user = 0; user < most; ++user) {
    take(user, State::kOffline, user + 2);
  }
  EXPECT_LE(board_.size(), PresenceBoard::kMostPeople);
  EXPECT_NE(board_.find(-1), nullptr);
  EXPECT_EQ(board_.find(0), nullptr);
  EXPECT_FALSE(changes(1, most + 2).complete);
}

TEST(PresenceRowTest, IsReadAsItWasWritten) {
  PresenceState presence;
  presence.user_id = "@a:a";
  presence.state = State::kUnavailable;
  presence.last_active_ts = 1'700'000'000'000;
  presence.status_msg = "\"quoted\" \n ü";
  presence.currently_active = true;
  const std::optional<PresenceState> read = read_row(row_of(presence));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->user_id, presence.user_id);
  EXPECT_EQ(read->state, presence.state);
  EXPECT_EQ(read->last_active_ts, presence.last_active_ts);
  EXPECT_EQ(read->status_msg, presence.status_msg);
  EXPECT_TRUE(read->currently_active);
  EXPECT_FALSE(read_row("[]").has_value());
  // Of another release: what is missing has its default, what is unknown is passed over.
  ASSERT_TRUE(read_row(R"(["@a:a","online"])").has_value());
  EXPECT_EQ(read_row(R"(["@a:a","online"])")->status_msg, "");
  EXPECT_EQ(read_row(R"(["@a:a","online",1,0,0,"x",true,"of tomorrow"])")->status_msg, "x");
}

}  // namespace
}  // namespace lares::presence
