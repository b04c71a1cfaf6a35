// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <lares/matrix/history_visibility.hpp>

namespace {

using namespace lares::matrix;
using enum HistoryVisibility;
using enum MembershipState;

bool sees(HistoryVisibility visibility, MembershipState membership, bool joined_since) {
  const ReaderThen then{visibility, membership};
  return may_see(then, then, joined_since);
}

TEST(HistoryVisibility, FollowsTheFiveRules) {
  for (const MembershipState membership : {kLeave, kInvite, kKnock, kJoin, kBan}) {
    for (const bool since : {false, true}) {
      const bool in = membership == kJoin;
      EXPECT_TRUE(sees(kWorldReadable, membership, since));
      EXPECT_EQ(sees(kShared, membership, since), in || since);
      EXPECT_EQ(sees(kInvited, membership, since), in || membership == kInvite);
      EXPECT_EQ(sees(kJoined, membership, since), in);
    }
  }
}

TEST(HistoryVisibility, AChangeOfItIsSeenFromEitherSide) {
  EXPECT_TRUE(may_see({kWorldReadable, kLeave}, {kJoined, kLeave}, false));
  EXPECT_TRUE(may_see({kJoined, kLeave}, {kWorldReadable, kLeave}, false));
  EXPECT_FALSE(may_see({kJoined, kLeave}, {kInvited, kLeave}, true));
}

TEST(HistoryVisibility, OnesOwnComingAndGoingIsSeenFromEitherSide) {
  EXPECT_TRUE(may_see({kJoined, kLeave}, {kJoined, kJoin}, false));
  EXPECT_TRUE(may_see({kJoined, kJoin}, {kJoined, kBan}, false));
  EXPECT_TRUE(may_see({kInvited, kInvite}, {kInvited, kLeave}, false));
  EXPECT_FALSE(may_see({kJoined, kInvite}, {kJoined, kLeave}, false));
}

TEST(HistoryVisibility, WhatIsNotUnderstoodIsShared) {
  EXPECT_EQ(read_history_visibility("world_readable"), kWorldReadable);
  EXPECT_EQ(read_history_visibility("invited"), kInvited);
  EXPECT_EQ(read_history_visibility("joined"), kJoined);
  EXPECT_EQ(read_history_visibility("shared"), kShared);
  EXPECT_EQ(read_history_visibility("Joined"), kShared);
  EXPECT_EQ(history_visibility(nullptr), kShared);
  EXPECT_EQ(read_membership("dancing"), kLeave);
  EXPECT_EQ(membership_state(nullptr), kLeave);
}

TEST(HistoryVisibility, AServerSeesWhatItsUsersMay) {
  EXPECT_TRUE(server_may_see({kShared, kLeave}, true));
  EXPECT_FALSE(server_may_see({kShared, kLeave}, false));
  EXPECT_TRUE(server_may_see({kInvited, kInvite}, false));
  EXPECT_FALSE(server_may_see({kJoined, kInvite}, true));
}

}  // namespace
