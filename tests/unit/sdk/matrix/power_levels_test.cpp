// SPDX-License-Identifier: Apache-2.0
#include "test_room.hpp"

#include <lares/matrix/power_levels.hpp>

namespace {

using namespace lares::matrix;
using lares::test::TestRoom;

std::optional<std::int64_t> read(const char* json, const char* version) {
  return PowerLevels::read_level(lares::json::Value{json}, *find_room_version(version));
}

TEST(PowerLevel, OrdersTheInfiniteOneAboveAll) {
  EXPECT_LT(PowerLevel{1}, PowerLevel{2});
  EXPECT_LT(PowerLevel{INT64_MAX}, PowerLevel::infinite());
  EXPECT_EQ(PowerLevel::infinite(), PowerLevel::infinite());
  EXPECT_FALSE(PowerLevel::infinite() < PowerLevel::infinite());
}

TEST(PowerLevels, ReadLevelsAsTheVersionDoes) {
  for (const char* version : {"1", "6", "9", "10", "12"}) {
    EXPECT_EQ(read("-7", version), -7);
    EXPECT_FALSE(read("null", version));
    EXPECT_FALSE(read("true", version));
    EXPECT_FALSE(read("[1]", version));
    EXPECT_FALSE(read("\"1.5\"", version));
    EXPECT_FALSE(read("\"\"", version));
    EXPECT_FALSE(read("\"1 2\"", version));
    EXPECT_FALSE(read("\"+-1\"", version));
  }
  for (const char* text :
       {"\"100\"", "\"000100\"", "\"+100\"", "\" 100 \"", "\" 00100 \"", "\"\\t+100\\n\""}) {
    EXPECT_EQ(read(text, "1"), 100) << text;
    EXPECT_EQ(read(text, "9"), 100) << text;
    EXPECT_FALSE(read(text, "10")) << text;
  }
  EXPECT_EQ(read("\"-100\"", "9"), -100);
  EXPECT_EQ(read("50.57", "5"), 50);
  EXPECT_EQ(read("-50.57", "5"), -50);
  EXPECT_EQ(read("5.114698E4", "5"), 51146);
  EXPECT_EQ(read("1e300", "5"), INT64_MAX);
  EXPECT_EQ(read("-9223372036854775809", "1"), INT64_MIN);
  EXPECT_EQ(read("\"9223372036854775808\"", "9"), INT64_MAX);
  EXPECT_EQ(read("\"-99999999999999999999\"", "9"), INT64_MIN);
  EXPECT_FALSE(read("\"99999999999999999999x\"", "9"));
  EXPECT_FALSE(read("1e400", "5"));
  EXPECT_FALSE(read("50.57", "6"));
}

TEST(PowerLevels, HaveDefaults) {
  const TestRoom room{*find_room_version("11"), {{"power_levels", nullptr}}};
  const PowerLevels none{room.version(), room.create().get(), nullptr};
  EXPECT_FALSE(none.explicitly_set());
  EXPECT_EQ(none.user("@creator:a.example"), PowerLevel{100});
  EXPECT_EQ(none.user("@other:a.example"), PowerLevel{0});
  EXPECT_EQ(none.to(PowerAction::kBan), PowerLevel{50});
  EXPECT_EQ(none.to(PowerAction::kInvite), PowerLevel{0});
  EXPECT_EQ(none.to_send("x", true), PowerLevel{50});
  EXPECT_EQ(none.to_send("x", false), PowerLevel{0});
  EXPECT_EQ(none.to_notify("room"), PowerLevel{50});
}

TEST(PowerLevels, ReadWhatIsSet) {
  const TestRoom room{*find_room_version("12"),
                      {{"create", {{"content", {{"additional_creators", {"@second:a.example"}}}}}},
                       {"power_levels",
                        {{"users", {{"@mod:a.example", 50}}},
                         {"users_default", 5},
                         {"events", {{"m.room.name", 20}}},
                         {"state_default", 30},
                         {"events_default", 10},
                         {"ban", 60},
                         {"notifications", {{"room", 70}}}}}}};
  const PowerLevels levels{room.version(), room.create().get(), room.find("m.room.power_levels", "")};
  EXPECT_TRUE(levels.user("@creator:a.example").is_infinite());
  EXPECT_TRUE(levels.user("@second:a.example").is_infinite());
  EXPECT_EQ(levels.user("@mod:a.example"), PowerLevel{50});
  EXPECT_EQ(levels.user("@other:a.example"), PowerLevel{5});
  EXPECT_EQ(levels.to_send("m.room.name", true), PowerLevel{20});
  EXPECT_EQ(levels.to_send("m.room.topic", true), PowerLevel{30});
  EXPECT_EQ(levels.to_send("m.room.message", false), PowerLevel{10});
  EXPECT_EQ(levels.to(PowerAction::kBan), PowerLevel{60});
  EXPECT_EQ(levels.to(PowerAction::kKick), PowerLevel{50});
  EXPECT_EQ(levels.to_notify("room"), PowerLevel{70});
  EXPECT_EQ(levels.to_notify("other"), PowerLevel{50});
}

}  // namespace
