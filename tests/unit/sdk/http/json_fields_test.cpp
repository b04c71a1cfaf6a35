// SPDX-License-Identifier: Apache-2.0
#include <lares/http/json_fields.hpp>

#include <lares/http/matrix_error.hpp>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace lares::http {
namespace {

const char* const kBody = R"({"name": "alice", "empty": "", "nothing": null, "number": 1})";

std::string errcode_of(const char* key) {
  try {
    (void)required_string(nlohmann::json::parse(kBody), key);
  } catch (const MatrixError& error) {
    return error.errcode();
  }
  return "";
}

TEST(JsonFields, AStringIsTakenAsItIs) {
  EXPECT_EQ(required_string(nlohmann::json::parse(kBody), "name"), "alice");
  EXPECT_EQ(optional_string(nlohmann::json::parse(kBody), "empty"), "");
}

TEST(JsonFields, NullCountsAsAbsent) {
  EXPECT_EQ(optional_string(nlohmann::json::parse(kBody), "nothing"), std::nullopt);
  EXPECT_EQ(errcode_of("nothing"), "M_MISSING_PARAM");
  EXPECT_EQ(errcode_of("other"), "M_MISSING_PARAM");
}

TEST(JsonFields, AnotherTypeIsAnError) {
  EXPECT_EQ(errcode_of("number"), "M_BAD_JSON");
}

}  // namespace
}  // namespace lares::http
