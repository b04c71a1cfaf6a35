// SPDX-License-Identifier: Apache-2.0
#include <lares/http/matrix_error.hpp>
#include <lares/http/response.hpp>
#include <lares/http/router.hpp>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace lares::http {
namespace {

using namespace std::chrono_literals;

TEST(MatrixErrorTest, WritesTheStandardBody) {
  const MatrixError error = forbidden("You said \"no\".").with("room_id", "\"!a\"").because("for the log");
  EXPECT_EQ(error.status(), 403);
  EXPECT_EQ(error.body(), R"({"errcode":"M_FORBIDDEN","error":"You said \"no\".","room_id":"!a"})");
  EXPECT_EQ(error.detail(), "for the log");
}

TEST(MatrixErrorTest, SurvivesBeingThrown) {
  try {
    throw limit_exceeded(1500ms);
  } catch (const MatrixError& error) {
    EXPECT_EQ(error.status(), 429);
    EXPECT_EQ(nlohmann::json::parse(error.body()).at("retry_after_ms"), 1500);
    ASSERT_EQ(error.headers().size(), 1U);
    EXPECT_EQ(error.headers()[0].second, "2");
  }
}

TEST(MatrixErrorTest, TellsAClientWhetherToKeepItsData) {
  EXPECT_EQ(nlohmann::json::parse(unknown_token("Expired", true).body()).at("soft_logout"), true);
  EXPECT_EQ(nlohmann::json::parse(unknown_token("Gone").body()).at("soft_logout"), false);
}

TEST(ResponseTest, WritesJsonWhateverTheBytes) {
  EXPECT_EQ(Response::json({{"a", 1}}).body, R"({"a":1})");
  EXPECT_EQ(Response::json({{"a", "\xff"}}).body, "{\"a\":\"\xef\xbf\xbd\"}");
}

TEST(ClientPathsTest, NamesThePrefixesThatClientsUse) {
  EXPECT_EQ(client_paths("/sync"),
            (std::vector<std::string>{"/_matrix/client/v3/sync", "/_matrix/client/r0/sync"}));
  EXPECT_EQ(client_paths("/a", {"v1", "unstable/x"}),
            (std::vector<std::string>{"/_matrix/client/v1/a", "/_matrix/client/unstable/x/a"}));
}

}  // namespace
}  // namespace lares::http
