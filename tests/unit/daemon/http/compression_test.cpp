// SPDX-License-Identifier: Apache-2.0
#include <http/compression.hpp>

#include <gtest/gtest.h>

namespace lares::http {
namespace {

TEST(AcceptsGzipTest, ReadsTheHeader) {
  for (const std::string_view yes :
       {"gzip", "GZIP", "deflate, gzip", "gzip;q=0.5", "br;q=1, gzip; q=0.001", "*", "*;q=0, gzip"}) {
    EXPECT_TRUE(accepts_gzip(yes)) << yes;
  }
  for (const std::string_view no :
       {"", "br", "gzip;q=0", "gzip; q=0.000", "xgzip", ",,;;", "*, gzip;q=0", "*;q=0"}) {
    EXPECT_FALSE(accepts_gzip(no)) << no;
  }
}

TEST(GzipTest, GoesThereAndBack) {
  for (const std::size_t size : {0U, 1U, 32768U, 32769U, 1'000'000U}) {
    std::string text;
    for (std::size_t at = 0; at < size; ++at) {
      text += static_cast<char>('a' + at * at % 26);
    }
    bool too_large = true;
    EXPECT_EQ(gunzip(gzip(text), size, too_large), text);
    EXPECT_FALSE(too_large);
  }
}

TEST(GunzipTest, StopsAtTheLimit) {
  bool too_large = false;
  EXPECT_FALSE(gunzip(gzip(std::string(10'000'000, 'x')), 1000, too_large));
  EXPECT_TRUE(too_large);
}

TEST(GunzipTest, RefusesDamagedData) {
  bool too_large = false;
  const std::string whole = gzip("some text that is long enough to be cut");
  EXPECT_FALSE(gunzip(whole.substr(0, whole.size() - 1), 1000, too_large));
  EXPECT_FALSE(gunzip(whole + "x", 1000, too_large));
  EXPECT_FALSE(gunzip("", 1000, too_large));
  EXPECT_FALSE(too_large);
}

}  // namespace
}  // namespace lares::http
