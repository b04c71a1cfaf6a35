// SPDX-License-Identifier: Apache-2.0
// Who is let through to which route.
#include "memory_connection.hpp"

#include <http/gate.hpp>

#include <lares/http/matrix_error.hpp>
#include <lares/service/appservice_authenticator.hpp>
#include <lares/service/catch_up.hpp>

#include <gtest/gtest.h>

#include <utility>

namespace lares::http::test {
namespace {

Task<Response> user_route(const Requester& requester, Request&) {
  co_return Response::json({{"user", requester.user().view()}});
}

/// A process that is behind the others until it is told to catch up.
class TestCatchUp final : public service::CatchUp {
 public:
  Task<bool> catch_up() override {
    ++asked;
    if (away) {
      throw unavailable("not now");
    }
    co_return std::exchange(behind, false);
  }

  int asked = 0;
  bool behind = false;
  bool away = false;
};

class GateTest : public testing::Test {
 protected:
  GateTest() {
    server_.server().services().provide<service::CatchUp>(present_);
    TestAuthenticator& tokens = server_.server().authenticator;
    tokens.add("user", "@user:example.org");
    tokens.add("slow", "@slow:example.org");
    tokens.add("guest", "@guest:example.org").guest = true;
    tokens.add("admin", "@admin:example.org").admin = true;
    tokens.add("locked", "@locked:example.org").locked = true;
    tokens.add("suspended", "@suspended:example.org").suspended = true;
    tokens.add("service", "@service:example.org").appservice_id = "irc";
    Router& router = server_.router();
    router.add<Access::User>(Method::Get, {"/user"}, {.name = "User"}, user_route);
    router.add<Access::Guest>(Method::Get, {"/guest"}, {.name = "Guest"}, user_route);
    router.add<Access::Admin>(Method::Get, {"/admin"}, {.name = "Admin"}, user_route);
    router.add<Access::AppService>(Method::Get, {"/service"}, {.name = "Service"}, user_route);
    router.add<Access::User>(Method::Get, {"/logout"}, {.name = "Logout", .allow_locked = true}, user_route);
    router.add<Access::User>(Method::Get, {"/write"}, {.name = "Write", .allow_suspended = false},
                             user_route);
    router.add<Access::User>(Method::Get, {"/limited"}, {.name = "Limited", .rate_limit = "rc_message"},
                             user_route);
    router.add<Access::User>(Method::Put, {"/json"}, {.name = "Json"}, user_route);
    router.add<Access::Public>(
        Method::Get, {"/address"}, {.name = "Address", .rate_limit = "rc_registration"},
        [](const Anyone&, Request&) -> Task<Response> { co_return Response::empty_object(); });
    router.add<Access::Worker>(Method::Post, {"/worker"}, {.name = "Worker"},
                               [](const Peer& peer, Request&) -> Task<Response> {
                                 co_return Response::json({{"instance", peer.instance()}});
                               });
    router.add<Access::Server>(Method::Get, {"/server"}, {.name = "Server"},
                               [](const Origin& origin, Request&) -> Task<Response> {
                                 co_return Response::json({{"origin", origin.server().view()}});
                               });
    router.add<Access::User>(Method::Get, {"/known"}, {.name = "Known"},
                             [this](const Requester&, Request&) -> Task<Response> {
                               ++runs_;
                               if (present_.behind || never_known_) {
                                 throw not_found("There is no such thing.");
                               }
                               co_return Response::empty_object();
                             });
    router.add<Access::User>(Method::Get, {"/written"}, {.name = "Written"},
                             [this](const Requester&, Request& request) -> Task<Response> {
                               ++runs_;
                               request.shield_from_cancellation();
                               throw forbidden("The writer does not allow it.");
                               co_return Response::empty_object();
                             });
    server_.open();
  }

  std::string get(std::string_view path, std::string_view token) {
    return server_.ask("GET", path, "Authorization: Bearer " + std::string(token) + "\r\n");
  }

  TestCatchUp present_;
  int runs_ = 0;
  bool never_known_ = false;
  MemoryServer server_;
};

TEST_F(GateTest, DeniesNothingBeforeThisProcessKnowsWhatTheOthersWrote) {
  present_.behind = true;
  EXPECT_EQ(status_of(get("/known", "user")), 200);
  EXPECT_EQ(runs_, 2);
  EXPECT_EQ(present_.asked, 1);
  EXPECT_EQ(status_of(get("/known", "user")), 200);
  EXPECT_EQ(present_.asked, 1);
}

TEST_F(GateTest, DeniesWhatItHasJudgedTwice) {
  never_known_ = true;
  EXPECT_EQ(status_of(get("/known", "user")), 404);
  EXPECT_EQ(runs_, 2);
  present_.behind = true;
  EXPECT_EQ(status_of(get("/known", "user")), 404);
  EXPECT_EQ(runs_, 4);
  EXPECT_EQ(present_.asked, 2);
}

TEST_F(GateTest, SaysThatItDoesNotKnowWhereItCannotCatchUp) {
  never_known_ = true;
  present_.away = true;
  EXPECT_EQ(status_of(get("/known", "user")), 503);
}

TEST_F(GateTest, WhatMayHaveWrittenIsNotRunAgain) {
  present_.behind = true;
  EXPECT_EQ(status_of(get("/written", "user")), 403);
  EXPECT_EQ(runs_, 1);
  EXPECT_EQ(present_.asked, 0);
}

TEST_F(GateTest, AsksForATokenWhereARouteNeedsOne) {
  for (const std::string_view path : {"/user", "/guest", "/admin", "/service", "/logout"}) {
    const std::string response = server_.ask("GET", path);
    EXPECT_EQ(status_of(response), 401) << path;
    EXPECT_EQ(errcode_of(response), "M_MISSING_TOKEN") << path;
    const std::string forged = get(path, "forged");
    EXPECT_EQ(status_of(forged), 401) << path;
    EXPECT_EQ(errcode_of(forged), "M_UNKNOWN_TOKEN") << path;
  }
}

TEST_F(GateTest, TakesTheTokenFromHeaderOrQueryButNotBoth) {
  EXPECT_EQ(body_of(get("/user", "user")), R"({"user":"@user:example.org"})");
  EXPECT_EQ(body_of(get("/user", "slow")), R"({"user":"@slow:example.org"})");
  EXPECT_EQ(status_of(server_.ask("GET", "/user?access_token=user")), 200);
  EXPECT_EQ(status_of(server_.ask("GET", "/user", "authorization: bearer user\r\n")), 200);
  EXPECT_EQ(errcode_of(get("/user?access_token=user", "user")), "M_MISSING_TOKEN");
  EXPECT_EQ(errcode_of(server_.ask("GET", "/user", "Authorization: Basic dXNlcg==\r\n")), "M_MISSING_TOKEN");
  EXPECT_EQ(errcode_of(server_.ask("GET", "/user", "Authorization: Bearer\r\n")), "M_MISSING_TOKEN");
  EXPECT_EQ(errcode_of(server_.ask("GET", "/user", "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n")),
            "M_MISSING_TOKEN");
  EXPECT_EQ(errcode_of(server_.ask("GET", "/user?access_token=")), "M_MISSING_TOKEN");
}

TEST_F(GateTest, KeepsGuestsToWhatIsForThem) {
  EXPECT_EQ(status_of(get("/guest", "guest")), 200);
  const std::string response = get("/user", "guest");
  EXPECT_EQ(status_of(response), 403);
  EXPECT_EQ(errcode_of(response), "M_GUEST_ACCESS_FORBIDDEN");
}

TEST_F(GateTest, KeepsTheAdminApiToAdministrators) {
  EXPECT_EQ(status_of(get("/admin", "admin")), 200);
  EXPECT_EQ(errcode_of(get("/admin", "user")), "M_FORBIDDEN");
  EXPECT_EQ(status_of(get("/service", "service")), 200);
  EXPECT_EQ(errcode_of(get("/service", "user")), "M_FORBIDDEN");
}

TEST_F(GateTest, SendsLockedAccountsToASoftLogout) {
  const std::string response = get("/user", "locked");
  EXPECT_EQ(status_of(response), 401);
  EXPECT_EQ(errcode_of(response), "M_USER_LOCKED");
  EXPECT_NE(response.find(R"("soft_logout":true)"), std::string::npos);
  EXPECT_EQ(status_of(get("/logout", "locked")), 200);
}

TEST_F(GateTest, LetsSuspendedAccountsRead) {
  EXPECT_EQ(status_of(get("/user", "suspended")), 200);
  const std::string response = get("/write", "suspended");
  EXPECT_EQ(status_of(response), 403);
  EXPECT_EQ(errcode_of(response), "M_USER_SUSPENDED");
}

TEST_F(GateTest, SaysWhomItHasAdmittedAndNobodyElse) {
  for (const std::string_view token : {"user", "forged", "guest", "locked", "slow"}) {
    get("/user", token);
  }
  const std::vector<std::string> admitted{"@user:example.org from 192.0.2.1",
                                          "@slow:example.org from 192.0.2.1"};
  EXPECT_EQ(server_.server().authenticator.seen_by, admitted);
}

TEST_F(GateTest, LimitsByUserAndByAddress) {
  for (int at = 0; at < 10; ++at) {
    EXPECT_EQ(status_of(get("/limited", "user")), 200);
  }
  const std::string response = get("/limited", "user");
  EXPECT_EQ(status_of(response), 429);
  EXPECT_EQ(errcode_of(response), "M_LIMIT_EXCEEDED");
  const auto wait = nlohmann::json::parse(body_of(response)).at("retry_after_ms").get<int>();
  EXPECT_GT(wait, 4000);
  EXPECT_LE(wait, 5000);
  EXPECT_EQ(header_of(response, "Retry-After"), "5");
  EXPECT_EQ(status_of(get("/limited", "slow")), 200);
  for (int at = 0; at < 3; ++at) {
    EXPECT_EQ(status_of(server_.ask("GET", "/address")), 200);
  }
  EXPECT_EQ(status_of(server_.ask("GET", "/address")), 429);
}

TEST_F(GateTest, FollowsAReloadOfTheLimits) {
  for (int at = 0; at < 10; ++at) {
    EXPECT_EQ(status_of(get("/limited", "user")), 200);
  }
  EXPECT_EQ(status_of(get("/limited", "user")), 429);
  ReloadReport report;
  server_.server().test_config().set("rate_limits", false);
  server_.limits().reload(server_.server().test_config(), report);
  EXPECT_EQ(report.changed, std::vector<std::string>{"rate_limits"});
  EXPECT_EQ(status_of(get("/limited", "user")), 200);
}

TEST_F(GateTest, ChecksTheBodyAfterTheToken) {
  EXPECT_EQ(errcode_of(server_.ask("PUT", "/json", {}, "nonsense")), "M_MISSING_TOKEN");
  EXPECT_EQ(errcode_of(server_.ask("PUT", "/json", "Authorization: Bearer user\r\n", "nonsense")),
            "M_NOT_JSON");
  EXPECT_EQ(status_of(server_.ask("PUT", "/json", "Authorization: Bearer user\r\n", "{}")), 200);
}

TEST_F(GateTest, RefusesReplicationWithoutASecret) {
  EXPECT_EQ(status_of(server_.ask("POST", "/worker", "Authorization: Bearer \r\n", "{}")), 403);
  EXPECT_EQ(status_of(server_.ask("POST", "/worker", {}, "{}")), 403);
}

TEST_F(GateTest, RefusesServersWithoutFederation) {
  EXPECT_EQ(errcode_of(server_.ask("GET", "/server")), "M_UNAUTHORIZED");
  EXPECT_EQ(status_of(server_.ask("GET", "/server", "Authorization: X-Matrix nonsense\r\n")), 400);
  EXPECT_EQ(
      errcode_of(server_.ask("GET", "/server",
                             "Authorization: X-Matrix origin=a.example,key=\"ed25519:1\",sig=\"x\"\r\n")),
      "M_FORBIDDEN");
  EXPECT_EQ(
      status_of(server_.ask(
          "GET", "/server",
          "Authorization: X-Matrix origin=a.example,destination=b.example,key=\"ed25519:1\",sig=\"x\"\r\n")),
      401);
}

TEST(XMatrixTest, ReadsHeadersAsServersWriteThem) {
  for (const std::string_view text :
       {R"(X-Matrix origin="a.example",destination="b.example",key="ed25519:k",sig="S+/=")",
        R"(X-Matrix origin=a.example,destination=b.example,key="ed25519:k",sig="S+/=")",
        R"(x-matrix  Origin=a.example , Destination = "b.example" , key=ed25519:k,sig="S+/=")",
        R"(X-Matrix origin=a.example,unknown="x,y",destination="b\.example",key="ed25519:k",sig="S+/=")"}) {
    const auto parsed = parse_x_matrix(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->origin, "a.example") << text;
    EXPECT_EQ(parsed->destination, "b.example") << text;
    EXPECT_EQ(parsed->key_id, "ed25519:k") << text;
    EXPECT_EQ(parsed->signature, "S+/=") << text;
  }
  EXPECT_TRUE(parse_x_matrix("X-Matrix origin=a,key=b,sig=c"));
}

TEST(XMatrixTest, RefusesWhatIsNone) {
  for (const std::string_view text :
       {"", "X-Matrix", "X-Matrix ", "Bearer a", "X-Matrix origin", "X-Matrix origin=a",
        "X-Matrix origin=\"a", "X-Matrix origin=\"a\"b,key=c,sig=d", "X-Matrix origin=,key=b,sig=c",
        "X-Matrix origin=a,key=b,sig=\"c\\"}) {
    EXPECT_FALSE(parse_x_matrix(text)) << text;
  }
}

}  // namespace
}  // namespace lares::http::test
