// SPDX-License-Identifier: Apache-2.0
#include <ctl/route_table.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace lares::ctl {
namespace {

std::vector<http::Route> routes() {
  return {{.method = http::Method::Put,
           .patterns = {"/b/{roomId}", "/a/{roomId}"},
           .access = http::Access::User,
           .options = {.rate_limit = "rc_message", .shard = "roomId", .allow_suspended = false},
           .plugin = "rooms",
           .handler = {}},
          {.method = http::Method::Get,
           .patterns = {"/a/{roomId}"},
           .access = http::Access::Public,
           .options = {.name = "Servlet", .resource = "federation"},
           .plugin = "discovery",
           .handler = {}}};
}

TEST(RouteTable, HasALineForEachMethodAndPath) {
  EXPECT_EQ(routes_as_table(routes()),
            "METHOD  PATH         PLUGIN     ACCESS  RESOURCE    SHARD   FLAGS\n"
            "GET     /a/{roomId}  discovery  public  federation  -       -\n"
            "PUT     /a/{roomId}  rooms      user    client      roomId  limit=rc_message,not-suspended\n"
            "PUT     /b/{roomId}  rooms      user    client      roomId  limit=rc_message,not-suspended\n");
}

TEST(RouteTable, IsJsonToo) {
  const auto list = nlohmann::json::parse(routes_as_json(routes()));
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0]["name"], "Servlet");
  EXPECT_EQ(list[2]["path"], "/b/{roomId}");
  EXPECT_EQ(list[2]["flags"][0], "limit=rc_message");
}

}  // namespace
}  // namespace lares::ctl
