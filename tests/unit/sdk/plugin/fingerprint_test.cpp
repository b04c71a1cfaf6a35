// SPDX-License-Identifier: Apache-2.0
#include <lares/plugin/build_fingerprint.h>
#include <lares/plugin/fingerprint.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace lares {
namespace {

TEST(Fingerprint, OfTheLibraryIsThatOfItsBuild) {
  EXPECT_EQ(build_fingerprint(), LARES_FINGERPRINT);
  EXPECT_EQ(version(), LARES_VERSION);
}

TEST(Fingerprint, IsLegibleAndNamesWhatMatters) {
  const std::string text(build_fingerprint());
  EXPECT_TRUE(std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; })) << text;
  for (const char* part : {"lares ", "Clang", "libstdc++ ", "Boost ", "sanitizers ", "sdk "}) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace lares
