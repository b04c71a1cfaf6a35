// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <lares/json/scanner.hpp>

#include <string>

namespace {

using lares::json::Error;
using lares::json::ErrorCode;
using lares::json::Numbers;
using lares::json::scan;
using lares::json::ScanOptions;

struct Refused {
  std::string text;
  ErrorCode code;
  std::size_t offset;
};

void expect_refused(const Refused& c, const ScanOptions& options = {}) {
  const auto result = scan(c.text, options);
  ASSERT_FALSE(result) << c.text;
  EXPECT_EQ(result.error().code, c.code) << c.text << ": " << describe(result.error().code);
  EXPECT_EQ(result.error().offset, c.offset) << c.text;
}

TEST(Scanner, TakesWhatIsJson) {
  for (const auto* text :
       {"{}", " [ ] ", "null", "true", "false", "0", "-1", "\"\"", "[1,[2,[3]],{\"a\":{\"b\":[]}}]",
        "\t\r\n{ \"a\" : 1 }\n", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"", "{\"\":0,\"a\":0}"}) {
    EXPECT_TRUE(scan(text)) << text;
  }
}

TEST(Scanner, NamesWhatIsWrongAndWhere) {
  const Refused cases[] = {
      {"", ErrorCode::kEmpty, 0},
      {"  ", ErrorCode::kEmpty, 2},
      {"{", ErrorCode::kUnexpectedEnd, 1},
      {"{\"a\"", ErrorCode::kUnexpectedEnd, 4},
      {"{\"a\":", ErrorCode::kUnexpectedEnd, 5},
      {"{\"a\":1", ErrorCode::kUnexpectedEnd, 6},
      {"{\"a\":1,", ErrorCode::kUnexpectedEnd, 7},
      {"{\"a\":1,}", ErrorCode::kUnexpectedByte, 7},
      {"{,}", ErrorCode::kUnexpectedByte, 1},
      {"{1:2}", ErrorCode::kUnexpectedByte, 1},
      {"{\"a\" 1}", ErrorCode::kUnexpectedByte, 5},
      {"[1 2]", ErrorCode::kUnexpectedByte, 3},
      {"[1,]", ErrorCode::kUnexpectedByte, 3},
      {"[1}", ErrorCode::kUnexpectedByte, 2},
      {"[", ErrorCode::kUnexpectedEnd, 1},
      {"\"abc", ErrorCode::kUnexpectedEnd, 4},
      {"\"a\\", ErrorCode::kUnexpectedEnd, 3},
      {"{} {}", ErrorCode::kTrailingBytes, 3},
      {"1 x", ErrorCode::kTrailingBytes, 2},
      {"nul", ErrorCode::kUnexpectedEnd, 3},
      {"nule", ErrorCode::kBadLiteral, 0},
      {"[True]", ErrorCode::kUnexpectedByte, 1},
      {"NaN", ErrorCode::kUnexpectedByte, 0},
      {"'a'", ErrorCode::kUnexpectedByte, 0},
      {"[01]", ErrorCode::kBadNumber, 1},
      {"[-]", ErrorCode::kBadNumber, 1},
      {"[+1]", ErrorCode::kUnexpectedByte, 1},
      {"[.5]", ErrorCode::kUnexpectedByte, 1},
      {"[1.]", ErrorCode::kBadNumber, 1},
      {"[1e]", ErrorCode::kBadNumber, 1},
      {"[1.5]", ErrorCode::kNotAnInteger, 1},
      {"[1e2]", ErrorCode::kNotAnInteger, 1},
      {"[9007199254740992]", ErrorCode::kIntegerRange, 1},
      {"[-9007199254740992]", ErrorCode::kIntegerRange, 1},
      {"[99999999999999999999999]", ErrorCode::kIntegerRange, 1},
      {"[\"a\nb\"]", ErrorCode::kControlCharacter, 3},
      {std::string{"[\"a\0b\"]", 7}, ErrorCode::kControlCharacter, 3},
      {"[\"\\x\"]", ErrorCode::kBadEscape, 2},
      {"[\"\\u12g4\"]", ErrorCode::kBadEscape, 2},
      {"[\"\\ud800\"]", ErrorCode::kLoneSurrogate, 2},
      {"[\"\\ud800\\u0041\"]", ErrorCode::kLoneSurrogate, 2},
      {"[\"\\udc00\"]", ErrorCode::kLoneSurrogate, 2},
      {"\xEF\xBB\xBF{}", ErrorCode::kUnexpectedByte, 0},
  };
  for (const Refused& c : cases) {
    expect_refused(c);
  }
}

TEST(Scanner, RefusesWhatIsNotUtf8) {
  for (const auto* bytes :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3\x28", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xED\xA0\x80",
        "\xED\xBF\xBF", "\xE2\x82", "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xFF", "\xF0\x9F\x98"}) {
    expect_refused({std::string{"\""} + bytes + "\"", ErrorCode::kInvalidUtf8, 1});
    // Behind more text than one step of the inner loop.
    expect_refused({std::string{"\"0123456789abcdef0123456789"} + bytes + "\"", ErrorCode::kInvalidUtf8, 27});
  }
  EXPECT_TRUE(
      scan("\"\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF"
           "\xBF\""));
}

TEST(Scanner, FindsTheSameNameTwiceHoweverItIsWritten) {
  expect_refused({R"({"a":1,"a":2})", ErrorCode::kDuplicateKey, 12});
  expect_refused({R"({"a":1,"b":2,"a":3})", ErrorCode::kDuplicateKey, 18});
  expect_refused({R"({"a":1,"\u0061":2})", ErrorCode::kDuplicateKey, 17});
  expect_refused({R"({"x":[{"b":1,"a":{},"b":[]}]})", ErrorCode::kDuplicateKey, 26});
  expect_refused({R"({"\n":1,"\u000a":2})", ErrorCode::kDuplicateKey, 18});
  EXPECT_TRUE(scan(R"([{"a":1},{"a":1},{"b":{"a":1},"a":1}])"));
}

TEST(Scanner, LimitsDepthAndSize) {
  EXPECT_TRUE(scan("[[[]]]", {.max_depth = 3}));
  expect_refused({"[[[[]]]]", ErrorCode::kTooDeep, 3}, {.max_depth = 3});
  EXPECT_TRUE(scan(std::string(512, '[') + std::string(512, ']')));
  expect_refused({std::string(513, '['), ErrorCode::kTooDeep, 512});
  expect_refused({"[1,2,3]", ErrorCode::kTooLarge, 6}, {.max_bytes = 6});
}

TEST(Scanner, CanAskForAnObject) {
  expect_refused({" [1]", ErrorCode::kNotAnObject, 1}, {.require_object = true});
  expect_refused({"x", ErrorCode::kUnexpectedByte, 0}, {.require_object = true});
  EXPECT_TRUE(scan(" {}", {.require_object = true}));
}

TEST(Scanner, LetsOldRoomsHaveAnyNumber) {
  const ScanOptions any{.numbers = Numbers::kAny};
  EXPECT_TRUE(scan("[1.5,-1E+3,123456789012345678901234567890,1e-400]", any));
  expect_refused({"[1e400]", ErrorCode::kIntegerRange, 1}, any);
  expect_refused({"[01.5]", ErrorCode::kBadNumber, 1}, any);
}

TEST(Scanner, TellsNoJsonFromForbiddenJson) {
  EXPECT_TRUE(is_syntax_error(ErrorCode::kUnexpectedByte));
  EXPECT_TRUE(is_syntax_error(ErrorCode::kInvalidUtf8));
  EXPECT_FALSE(is_syntax_error(ErrorCode::kNotAnInteger));
  EXPECT_FALSE(is_syntax_error(ErrorCode::kDuplicateKey));
}

TEST(Scanner, HoldsNoMoreThanItNeedsForLongLists) {
  std::string text = "[";
  for (int i = 0; i < 200000; ++i) {
    text += "{\"a\":[1,2]},";
  }
  text += "0]";
  EXPECT_TRUE(scan(text));
}

TEST(Scanner, CountsTheValidBeginningOfAText) {
  EXPECT_EQ(lares::json::valid_utf8_prefix("abc\xC3\xA9"), 5U);
  EXPECT_EQ(lares::json::valid_utf8_prefix("abc\xC3"), 3U);
  EXPECT_EQ(lares::json::valid_utf8_prefix(""), 0U);
}

}  // namespace
