// SPDX-License-Identifier: Apache-2.0
#include <config/scalars.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <optional>

namespace lares::config {
namespace {

constexpr std::int64_t kMaximum = INT64_MAX;

TEST(Scalars, ReadTheWordsForTrueAndFalse) {
  EXPECT_EQ(read_bool("yes"), true);
  EXPECT_EQ(read_bool("OFF"), false);
  EXPECT_EQ(read_bool("True"), true);
  EXPECT_EQ(read_bool("tRUE"), std::nullopt);
  EXPECT_EQ(read_bool("1"), std::nullopt);
  EXPECT_EQ(read_bool(""), std::nullopt);
}

TEST(Scalars, ReadIntegersInTheBasesOfYaml) {
  EXPECT_EQ(read_integer("0"), 0);
  EXPECT_EQ(read_integer("-12"), -12);
  EXPECT_EQ(read_integer("+7"), 7);
  EXPECT_EQ(read_integer("0666"), 0666);
  EXPECT_EQ(read_integer("0o666"), 0666);
  EXPECT_EQ(read_integer("0x1F"), 31);
  EXPECT_EQ(read_integer("0b101"), 5);
  EXPECT_EQ(read_integer("1_000_000"), 1'000'000);
  EXPECT_EQ(read_integer("9223372036854775807"), kMaximum);
  EXPECT_EQ(read_integer("-9223372036854775808"), INT64_MIN);
}

TEST(Scalars, RefuseWhatIsNoInteger) {
  for (const auto* text : {"", "-", "+", "0x", "0b", "0o", "08", "0x-1", "12a", "1.0", " 1", "1 ", "_1", "1_",
                           "--1", "9223372036854775808", "0xFFFFFFFFFFFFFFFF", "0z1"}) {
    EXPECT_EQ(read_integer(text), std::nullopt) << text;
  }
}

TEST(Scalars, ReadNumbers) {
  EXPECT_EQ(read_number("0.17"), 0.17);
  EXPECT_EQ(read_number("-.5"), -0.5);
  EXPECT_EQ(read_number("1e3"), 1000.0);
  EXPECT_EQ(read_number("10"), 10.0);
  for (const auto* text : {"", ".", "inf", "nan", ".inf", "1e999", "0.1x", "e3", "-"}) {
    EXPECT_EQ(read_number(text), std::nullopt) << text;
  }
}

TEST(Scalars, ReadDurationsInMilliseconds) {
  EXPECT_EQ(read_duration("250"), 250);
  EXPECT_EQ(read_duration("250ms"), 250);
  EXPECT_EQ(read_duration("30s"), 30'000);
  EXPECT_EQ(read_duration("5m"), 300'000);
  EXPECT_EQ(read_duration("1w"), 7LL * 24 * 3600 * 1000);
  EXPECT_EQ(read_duration("1y"), 365LL * 24 * 3600 * 1000);
  for (const auto* text : {"", "s", "1.5h", "-1s", "5 m", "5min", "99999999999999999y"}) {
    EXPECT_EQ(read_duration(text), std::nullopt) << text;
  }
}

TEST(Scalars, ReadSizesInBytes) {
  EXPECT_EQ(read_size("100"), 100);
  EXPECT_EQ(read_size("10K"), 10 * 1024);
  EXPECT_EQ(read_size("50M"), 50 * 1024 * 1024);
  EXPECT_EQ(read_size("87KiB"), 87 * 1024);
  EXPECT_EQ(read_size("1GB"), 1 << 30);
  for (const auto* text : {"", "M", "5iB", "-1K", "1.5M", "5k", "999999999999T"}) {
    EXPECT_EQ(read_size(text), std::nullopt) << text;
  }
}

TEST(Scalars, AreWrittenAsAnAdministratorWould) {
  EXPECT_EQ(format_duration(300'000), "5m");
  EXPECT_EQ(format_duration(1500), "1500ms");
  EXPECT_EQ(format_duration(0), "0");
  EXPECT_EQ(format_size(52'428'800), "50M");
  EXPECT_EQ(format_size(1000), "1000");
}

TEST(Scalars, OfUndeclaredKeysBecomeJsonByTheirLook) {
  const auto node =
      parse_document("{a: yes, b: 12, c: 1.5, d: text, e: '12', f: ~, g: [1], h: {i: 0x10}}", 0, "x");
  ASSERT_TRUE(node);
  EXPECT_EQ(to_json(*node).dump(),
            R"({"a":true,"b":12,"c":1.5,"d":"text","e":"12","f":null,"g":[1],"h":{"i":16}})");
}

}  // namespace
}  // namespace lares::config
