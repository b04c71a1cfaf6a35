// SPDX-License-Identifier: Apache-2.0
#include <lares/base/bytes.hpp>
#include <lares/base/strings.hpp>
#include <lares/base/time.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <string>
#include <vector>

namespace lares {
namespace {

using namespace std::chrono_literals;

TEST(Durations, AreReadAsConfigurationWritesThem) {
  EXPECT_EQ(parse_duration("1500"), 1500ms);
  EXPECT_EQ(parse_duration("0"), 0ms);
  EXPECT_EQ(parse_duration("20ms"), 20ms);
  EXPECT_EQ(parse_duration("30s"), 30s);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("1h"), 1h);
  EXPECT_EQ(parse_duration("7d"), 7 * 24h);
  EXPECT_EQ(parse_duration("2w"), 14 * 24h);
  EXPECT_EQ(parse_duration("1y"), 365 * 24h);
}

TEST(Durations, ThatAreNoneAreRefusedWithWhatWasExpected) {
  for (const char* text :
       {"", "m", "-5m", "5 m", "1.5h", "5mm", "5M", "99999999999999999999", "9999999999999y"}) {
    const auto duration = parse_duration(text);
    ASSERT_FALSE(duration) << text;
    EXPECT_NE(duration.error().find("such as 5m"), std::string::npos);
  }
}

TEST(Durations, AreWrittenSoThatTheyReadBack) {
  for (const auto& [duration, text] : std::vector<std::pair<std::chrono::milliseconds, std::string>>{
           {0ms, "0"}, {1500ms, "1500ms"}, {90s, "90s"}, {5min, "5m"}, {24h, "1d"}, {7 * 24h, "1w"}}) {
    EXPECT_EQ(format_duration(duration), text);
    EXPECT_EQ(parse_duration(text), duration);
  }
}

TEST(Sizes, AreReadAsConfigurationWritesThem) {
  EXPECT_EQ(parse_size("10"), 10U);
  EXPECT_EQ(parse_size("10K"), 10U * 1024);
  EXPECT_EQ(parse_size("50M"), 50U * 1024 * 1024);
  EXPECT_EQ(parse_size("500MiB"), 500U * 1024 * 1024);
  EXPECT_EQ(parse_size("87KiB"), 87U * 1024);
  EXPECT_EQ(parse_size("2T"), 2ULL << 40U);
}

TEST(Sizes, ThatAreNoneAreRefusedWithWhatWasExpected) {
  for (const char* text : {"", "M", "-1", "5 M", "1.5G", "5MB", "5m", "99999999T"}) {
    const auto size = parse_size(text);
    ASSERT_FALSE(size) << text;
    EXPECT_NE(size.error().find("such as 50M"), std::string::npos);
  }
}

TEST(Sizes, AreWrittenSoThatTheyReadBack) {
  for (const std::uint64_t bytes : {0ULL, 10ULL, 1024ULL, 1025ULL, 50ULL << 20U, 3ULL << 40U}) {
    EXPECT_EQ(parse_size(format_size(bytes)), bytes);
  }
  EXPECT_EQ(format_size(50ULL << 20U), "50M");
}

TEST(Iso8601, CountsFromTheEpochInUtc) {
  EXPECT_EQ(format_iso8601(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_iso8601(1795200262123), "2026-11-20T18:44:22.123Z");
  EXPECT_EQ(format_iso8601(951782400000), "2000-02-29T00:00:00.000Z");
}

TEST(Strings, AreTrimmedSplitAndJoined) {
  EXPECT_EQ(trim(" \t a b \r\n"), "a b");
  EXPECT_EQ(trim("  "), "");
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(split("", ','), std::vector<std::string_view>{""});
  EXPECT_EQ(join(std::vector<std::string>{"a", "b", "c"}, ", "), "a, b, c");
  EXPECT_EQ(join({}, ", "), "");
}

TEST(Strings, CompareWithoutTheCaseOfAsciiLetters) {
  EXPECT_TRUE(equals_ignore_case("Content-Length", "content-LENGTH"));
  EXPECT_FALSE(equals_ignore_case("a", "ab"));
  EXPECT_FALSE(equals_ignore_case("\xc3\x84", "\xc3\xa4"));
  EXPECT_EQ(to_lower_ascii("AbC-\xc3\x84"), "abc-\xc3\x84");
}

TEST(Integers, AreReadWholeOrNotAtAll) {
  EXPECT_EQ(parse_int64("-12"), -12);
  EXPECT_EQ(parse_int64("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse_uint64("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  for (const char* text : {"", " 1", "1 ", "+1", "0x1", "1.0", "9223372036854775808", "--1"}) {
    EXPECT_FALSE(parse_int64(text)) << text;
  }
  EXPECT_FALSE(parse_uint64("-1"));
}

TEST(Nearest, FindsWhatWasMeant) {
  const std::vector<std::string> keys{"server_name", "listeners", "media_store_path", "presence"};
  EXPECT_EQ(nearest("sever_name", keys), "server_name");
  EXPECT_EQ(nearest("listneers", keys), "listeners");
  EXPECT_EQ(nearest("presense", keys), "presence");
  EXPECT_EQ(nearest("something_else", keys), std::nullopt);
  EXPECT_EQ(nearest("", keys), std::nullopt);
  EXPECT_EQ(nearest(std::string(100'000, 'x'), keys), std::nullopt);
}

TEST(Hex, GoesThereAndBack) {
  EXPECT_EQ(to_hex("\x01\xab\xff"), "01abff");
  EXPECT_EQ(from_hex("01aBFf"), "\x01\xab\xff");
  EXPECT_EQ(from_hex(""), "");
  EXPECT_EQ(from_hex("0"), std::nullopt);
  EXPECT_EQ(from_hex("0g"), std::nullopt);
}

}  // namespace
}  // namespace lares
