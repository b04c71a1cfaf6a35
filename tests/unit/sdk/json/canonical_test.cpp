// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <lares/json/canonical.hpp>
#include <nlohmann/json.hpp>

#include <fstream>
#include <random>
#include <string>

namespace {

using lares::json::canonicalise;
using lares::json::ErrorCode;
using lares::json::is_canonical;
using lares::json::Numbers;
using lares::json::ScanOptions;

std::string canonical(std::string_view text, Numbers numbers = Numbers::kIntegers) {
  const auto result = canonicalise(text, {.numbers = numbers});
  return result ? *result : "error: " + std::string{describe(result.error().code)};
}

TEST(Canonical, AgreesWithTheSpecificationsExamples) {
  std::ifstream file{LARES_TEST_DATA "/specification_examples.json"};
  const auto data = nlohmann::json::parse(file);
  for (const auto& example : data["cases"]) {
    EXPECT_EQ(canonical(example["input"].get<std::string>(), Numbers::kIntegerValues),
              example["canonical"].get<std::string>())
        << example["name"];
  }
}

TEST(Canonical, WritesEachEscapeInItsShortestForm) {
  EXPECT_EQ(canonical(R"(["\u0008\u0009\u000a\u000C\u000D"])"), R"(["\b\t\n\f\r"])");
  EXPECT_EQ(canonical(R"(["\u0000\u001F\u007f"])"), "[\"\\u0000\\u001f\x7f\"]");
  EXPECT_EQ(canonical(R"(["\u0022\u005c\/"])"), R"(["\"\\/"])");
  EXPECT_EQ(canonical(R"(["\uD83D\uDE00"])"), "[\"\xF0\x9F\x98\x80\"]");
}

TEST(Canonical, SortsNamesByWhatTheyMeanNotByHowTheyAreWritten) {
  EXPECT_EQ(canonical(R"({"\u0062":1,"a":2})"), R"({"a":2,"b":1})");
  EXPECT_EQ(canonical(R"({"a\n":1,"a":2,"a\u0000":3})"), R"({"a":2,"a\u0000":3,"a\n":1})");
  EXPECT_EQ(canonical("{\"\xEF\xBF\xBF\":1,\"\\uD800\\uDC00\":2}"),
            "{\"\xEF\xBF\xBF\":1,\"\xF0\x90\x80\x80\":2}");
  EXPECT_EQ(canonical(R"({"":1,"aa":2,"a":3})"), R"({"":1,"a":3,"aa":2})");
}

TEST(Canonical, KeepsIntegersAtTheEndsOfTheRange) {
  EXPECT_EQ(canonical("[9007199254740991,-9007199254740991]"), "[9007199254740991,-9007199254740991]");
  EXPECT_EQ(canonical("-0"), "0");
}

TEST(Canonical, PrintsIntegerValuedNumbersAsIntegersWhereAllowed) {
  EXPECT_EQ(canonical("[1.0,-2.50e1,1e15,100e-2,0.0,0e999999999999]", Numbers::kIntegerValues),
            "[1,-25,1000000000000000,1,0,0]");
  for (const auto* text : {"1.5", "1e16", "1e-1", "9007199254740992.0", "1e99999999999"}) {
    EXPECT_FALSE(canonicalise(text, {.numbers = Numbers::kIntegerValues})) << text;
  }
}

TEST(Canonical, PrintsOtherNumbersAsOtherServersDoInOldRooms) {
  EXPECT_EQ(
      canonical("[1.0,0.1,1e5,1E16,1e-5,123456789.125,-0.0,5.0E-324,12345678901234567890123]", Numbers::kAny),
      "[1.0,0.1,100000.0,1e+16,1e-05,123456789.125,-0.0,5e-324,12345678901234567890123]");
}

TEST(Canonical, GivesTheSameAgain) {
  const std::string text =
      R"({"z":[{"b":[],"a":{}},"\u00e9",false],"m":{"k":1,"j":{"y":2,"x":[3,{"d":4,"c":5}]}}})";
  const std::string once = canonical(text);
  EXPECT_EQ(once, R"({"m":{"j":{"x":[3,{"c":5,"d":4}],"y":2},"k":1},"z":[{"a":{},"b":[]},"é",false]})");
  EXPECT_EQ(canonical(once), once);
  EXPECT_TRUE(is_canonical(once));
  EXPECT_FALSE(is_canonical(text));
  EXPECT_FALSE(is_canonical(once + " "));
}

TEST(Canonical, AppendsAndLeavesTheOutputAloneOnErrors) {
  std::string out = "before";
  EXPECT_TRUE(lares::json::canonicalise_to(out, "{ }"));
  EXPECT_EQ(out, "before{}");
  EXPECT_FALSE(lares::json::canonicalise_to(out, "{\"a\":1,\"a\":2}"));
  EXPECT_EQ(out, "before{}");
}

nlohmann::json random_value(std::mt19937& random, int depth) {
  switch (random() % (depth > 0 ? 7 : 5)) {
    case 0:
      return static_cast<std::int64_t>(random()) - 0x7fffffff;
    case 1:
      return (random() & 1U) != 0;
    case 2:
      return nullptr;
    case 3:
    case 4: {
      static constexpr const char* kPieces[] = {
          "a", "Z", "\"", "\\", "/", "\n", "\x01", "é", "日", "\xF0\x9F\x98\x80", " "};
      std::string text;
      for (unsigned i = random() % 8; i > 0; --i) {
        text += kPieces[random() % std::size(kPieces)];
      }
      return text;
    }
    case 5: {
      auto array = nlohmann::json::array();
      for (unsigned i = random() % 6; i > 0; --i) {
        array.push_back(random_value(random, depth - 1));
      }
      return array;
    }
    default: {
      auto object = nlohmann::json::object();
      for (unsigned i = random() % 12; i > 0; --i) {
        object[random_value(random, 0).dump()] = random_value(random, depth - 1);
      }
      return object;
    }
  }
}

TEST(Canonical, AgreesWithAnotherLibraryOnRandomValues) {
  std::mt19937 random{20};
  for (int i = 0; i < 3000; ++i) {
    const auto value = random_value(random, 4);
    // nlohmann's object is a map sorted by bytes, and its dump has canonical escapes.
    const std::string expected = value.dump();
    ASSERT_EQ(canonical(value.dump(2)), expected);
    ASSERT_EQ(canonical(value.dump(-1, ' ', true)), expected);
    ASSERT_EQ(canonical(expected), expected);
  }
}

}  // namespace
