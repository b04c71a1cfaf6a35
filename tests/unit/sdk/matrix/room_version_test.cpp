// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <lares/matrix/room_version.hpp>

namespace {

using namespace lares::matrix;

TEST(RoomVersions, AreOneToTwelve) {
  int number = 0;
  for (const RoomVersion& version : room_versions()) {
    EXPECT_EQ(version.id, std::to_string(++number));
    EXPECT_EQ(find_room_version(version.id), &version);
    EXPECT_TRUE(version.stable);
  }
  EXPECT_EQ(number, 12);
  EXPECT_EQ(find_room_version("13"), nullptr);
  EXPECT_EQ(find_room_version(""), nullptr);
  EXPECT_EQ(find_room_version("org.example.1"), nullptr);
}

TEST(RoomVersions, HaveWhatTheirPagesSay) {
  const auto row = [](const char* id) { return *find_room_version(id); };
  EXPECT_EQ(row("1").state_resolution, StateResolution::kV1);
  EXPECT_EQ(row("2").state_resolution, StateResolution::kV2);
  EXPECT_EQ(row("11").state_resolution, StateResolution::kV2);
  EXPECT_EQ(row("12").state_resolution, StateResolution::kV2_1);
  EXPECT_EQ(row("2").event_id_format, EventIdFormat::kRandom);
  EXPECT_EQ(row("3").event_id_format, EventIdFormat::kBase64);
  EXPECT_EQ(row("4").event_id_format, EventIdFormat::kUrlSafeBase64);
  EXPECT_FALSE(row("4").enforce_key_validity);
  EXPECT_TRUE(row("5").enforce_key_validity);
  EXPECT_FALSE(row("5").strict_canonical_json);
  EXPECT_TRUE(row("6").strict_canonical_json);
  EXPECT_EQ(default_room_version().id, "12");
}

}  // namespace
