// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <lares/crypto/base64.hpp>

#include <array>
#include <string>

namespace {

using namespace lares::crypto;

std::span<const std::uint8_t> bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

TEST(Base64, AgreesWithTheSpecificationsExamples) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : cases) {
    EXPECT_EQ(base64_encode(bytes(plain)), encoded);
    EXPECT_EQ(base64_decode(encoded, Base64::kStandard, Base64Decoding::kStrict), plain);
  }
}

TEST(Base64, HasTwoAlphabets) {
  const std::string data = "\xFB\xFF\xBF";
  EXPECT_EQ(base64_encode(bytes(data)), "+/+/");
  EXPECT_EQ(base64_encode(bytes(data), Base64::kUrlSafe), "-_-_");
  EXPECT_FALSE(base64_decode("-_-_"));
  EXPECT_FALSE(base64_decode("+/+/", Base64::kUrlSafe));
}

TEST(Base64, TakesPaddingAndLooseBitsOnlyWhenLenient) {
  EXPECT_EQ(base64_decode("Zg=="), "f");
  EXPECT_EQ(base64_decode("Zm8="), "fo");
  EXPECT_EQ(base64_decode("Zh"), "f");
  EXPECT_FALSE(base64_decode("Zg==", Base64::kStandard, Base64Decoding::kStrict));
  EXPECT_FALSE(base64_decode("Zh", Base64::kStandard, Base64Decoding::kStrict));
  EXPECT_FALSE(base64_decode("Z"));
  EXPECT_FALSE(base64_decode("Zg==="));
  EXPECT_FALSE(base64_decode("Z g"));
  EXPECT_FALSE(base64_decode("Z\xC3\xA9g"));
}

TEST(Base64, DecodesIntoAnArrayOfTheRightSizeAlone) {
  std::array<std::uint8_t, 3> out{};
  EXPECT_TRUE(base64_decode_to(out, "Zm9v"));
  EXPECT_EQ(out[2], 'o');
  EXPECT_FALSE(base64_decode_to(out, "Zm9"));
  EXPECT_FALSE(base64_decode_to(out, "Zm9vYg"));
}

}  // namespace
