// SPDX-License-Identifier: Apache-2.0
#include <ctl/proxy_config.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace lares::ctl {
namespace {

using http::Access;
using http::Method;

http::Route route(Method method, std::string path, Access access, http::RouteOptions options = {}) {
  return {method, {std::move(path)}, access, std::move(options), "test", nullptr};
}

class ProxyConfig : public testing::Test {
 protected:
  std::string text(const ProxySite& site) const { return nginx_config(routes_, site); }
  static bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  }

  std::vector<http::Route> routes_ = {
      route(Method::Get, "/_matrix/client/v3/sync", Access::Guest, {.shard = "user"}),
      route(Method::Get, "/_matrix/client/v3/rooms/{roomId}/messages", Access::User),
      route(Method::Get, "/a.b/{rest*}", Access::User),
      route(Method::Put, "/_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}", Access::User),
      route(Method::Get, "/_matrix/client/versions", Access::Public),
      route(Method::Get, "/_synapse/replication/x", Access::Worker, {.resource = "replication"}),
  };
};

TEST_F(ProxyConfig, SendsWhatUsersReadToTheReadersAndEverythingElseToTheMainProcess) {
  const auto made =
      text({.listen = "127.0.0.1:1", .main = "127.0.0.1:2", .readers = {"127.0.0.1:3", "127.0.0.1:4"}});
  EXPECT_TRUE(has(made, R"x("~^(GET|HEAD) /_matrix/client/v3/rooms/[^/?]+/messages([?]|$)" lares_readers;)x"))
      << made;
  EXPECT_TRUE(has(made, R"x("~^(GET|HEAD) /_matrix/client/v3/sync([?]|$)" lares_sync;)x")) << made;
  EXPECT_TRUE(has(made, R"x("~^(GET|HEAD) /a\.b/.*([?]|$)" lares_readers;)x")) << made;
  for (const char* elsewhere : {"/send/", "versions", "replication"}) {
    EXPECT_FALSE(has(made, elsewhere)) << elsewhere;
  }
  EXPECT_TRUE(has(made, "default lares_main;"));
  EXPECT_TRUE(has(made,
                  "hash $lares_login consistent;\n  server \"127.0.0.1:3\" max_fails=0;\n"
                  "  server \"127.0.0.1:4\" max_fails=0;"))
      << made;
}

TEST_F(ProxyConfig, SendsEverythingToTheMainProcessWithoutReaders) {
  const auto made = text({.listen = "127.0.0.1:1", .main = "127.0.0.1:2", .readers = {}});
  EXPECT_TRUE(has(made, "upstream lares_readers {\n  server \"127.0.0.1:2\" max_fails=0;")) << made;
}

TEST_F(ProxyConfig, KeepsAnAddressWithBlanksAndQuotesInOneWord) {
  const auto made = text({.listen = "unix:/my data/in", .main = R"(unix:/my "data"/main)", .readers = {}});
  EXPECT_TRUE(has(made, "listen \"unix:/my data/in\" backlog=4096;")) << made;
  EXPECT_TRUE(has(made, R"(server "unix:/my \"data\"/main" max_fails=0;)")) << made;
}

TEST_F(ProxyConfig, TellsTheServerWhoAsksAndNotWhatTheClientClaims) {
  EXPECT_TRUE(has(text({.listen = "1", .main = "2", .readers = {}}),
                  "proxy_set_header X-Forwarded-For $remote_addr;"));
}

}  // namespace
}  // namespace lares::ctl
