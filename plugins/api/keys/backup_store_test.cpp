// SPDX-License-Identifier: Apache-2.0
#include "backup_store.hpp"

#include <gtest/gtest.h>

namespace lares::keys {
namespace {

RoomKey key(std::int64_t index, std::int64_t forwarded, bool verified) {
  return {.room_id = "!r:s",
          .session_id = "s",
          .first_message_index = index,
          .forwarded_count = forwarded,
          .is_verified = verified,
          .session_data = "{}"};
}

TEST(RoomKeyReplacement, AVerifiedKeyIsBetterWhateverElse) {
  EXPECT_TRUE(is_better(key(9, 9, true), key(0, 0, false)));
  EXPECT_FALSE(is_better(key(0, 0, false), key(9, 9, true)));
}

TEST(RoomKeyReplacement, AKeyThatReadsMoreIsBetterThanOneThatCameAShorterWay) {
  EXPECT_TRUE(is_better(key(1, 9, true), key(2, 0, true)));
  EXPECT_FALSE(is_better(key(2, 0, true), key(1, 9, true)));
}

TEST(RoomKeyReplacement, AShorterWayDecidesBetweenEqualIndices) {
  EXPECT_TRUE(is_better(key(1, 0, false), key(1, 1, false)));
  EXPECT_FALSE(is_better(key(1, 1, false), key(1, 0, false)));
}

TEST(RoomKeyReplacement, AnEqualKeyReplacesNothing) {
  EXPECT_FALSE(is_better(key(1, 1, true), key(1, 1, true)));
}

}  // namespace
}  // namespace lares::keys
