// SPDX-License-Identifier: Apache-2.0
#include "recent_notes.hpp"

#include <gtest/gtest.h>
#include <lares/async/real_runtime.hpp>
#include <lares/async/task_group.hpp>

namespace {

using namespace lares;
using namespace lares::push_rules;

class RecentNotesTest : public ::testing::Test {
 protected:
  RecentNotesTest() : group_(runtime_, "test"), notes_(group_, "a.example") {}

  void add(std::int64_t room, std::int64_t position) {
    notes_.add(
        room,
        {.position = position, .sender = 1, .thread = 0, .notify = service::Notify::kNotify, .others = {}});
  }
  // How many notes lie beyond a place; negative when the list does not say.
  int beyond(std::int64_t room, std::int64_t after) {
    const auto newest = notes_.since(room, after);
    if (!newest) {
      return -1;
    }
    int count = 0;
    for (const RecentNotes::Node* at = newest->get(); at != nullptr && at->note.position > after;
         at = at->older.get()) {
      ++count;
    }
    return count;
  }

  RealRuntime runtime_{{.threads = 1}};
  TaskGroup group_;
  RecentNotes notes_;
};

TEST_F(RecentNotesTest, SayNothingWhereOthersWriteToo) {
  add(1, 10);
  EXPECT_EQ(beyond(1, 5), -1);
}

TEST_F(RecentNotesTest, KnowOfARoomWithoutNotesThatItHasNone) {
  notes_.begins_at(100);
  EXPECT_EQ(beyond(1, 100), 0);
  EXPECT_EQ(beyond(1, 250), 0);
  EXPECT_EQ(beyond(1, 99), -1);
}

TEST_F(RecentNotesTest, GiveWhatLiesBeyondAPlace) {
  notes_.begins_at(100);
  add(1, 101);
  add(2, 102);
  add(1, 103);
  EXPECT_EQ(beyond(1, 100), 2);
  EXPECT_EQ(beyond(1, 101), 1);
  EXPECT_EQ(beyond(1, 103), 0);
  EXPECT_EQ(beyond(2, 101), 1);
  EXPECT_EQ(beyond(1, 50), -1);
}

TEST_F(RecentNotesTest, ALongListForgetsItsOldestAndSaysSo) {
  notes_.begins_at(0);
  for (std::int64_t position = 1; position <= 1'000; ++position) {
    add(1, position);
  }
  EXPECT_EQ(beyond(1, 0), -1);
  EXPECT_EQ(beyond(1, 500), -1);
  EXPECT_EQ(beyond(1, 990), 10);
  EXPECT_LE(notes_.since(1, 990)->get()->length, 257U);
}

}  // namespace
