// SPDX-License-Identifier: Apache-2.0
#include <http/router_impl.hpp>

#include <gtest/gtest.h>

namespace lares::http {
namespace {

Task<Response> nothing(const Anyone&, Request&) {
  co_return Response{};
}

class RouterTest : public testing::Test {
 protected:
  void add(Method method, const std::string& pattern, std::string_view resource = "client") {
    router_.add<Access::Public>(method, {pattern}, {.name = pattern, .resource = resource}, nothing);
  }
  /// The pattern that matched and its parameters, decoded: "/a/{b} x".
  std::string find(Method method, std::string_view path, std::uint32_t resources = UINT32_MAX) {
    const Match match = router_.match(method, path, resources);
    if (match.route == nullptr) {
      return match.allowed == 0 ? "404" : "405";
    }
    std::string result = match.route->patterns.front();
    for (std::size_t at = 0; at < match.names.size(); ++at) {
      std::string value;
      percent_decode(match.values[at], false, value);
      result += " " + match.names[at] + "=" + value;
    }
    return result;
  }
  RouterImpl router_;
};

TEST_F(RouterTest, FindsLiteralPaths) {
  add(Method::Get, "/_matrix/client/versions");
  EXPECT_EQ(find(Method::Get, "/_matrix/client/versions"), "/_matrix/client/versions");
  EXPECT_EQ(find(Method::Get, "/_matrix/client"), "404");
  EXPECT_EQ(find(Method::Get, "/_matrix/client/versions/more"), "404");
  EXPECT_EQ(find(Method::Get, "/"), "404");
  EXPECT_EQ(find(Method::Get, ""), "404");
  EXPECT_EQ(find(Method::Get, "no-slash"), "404");
}

TEST_F(RouterTest, DecodesParametersAfterMatching) {
  add(Method::Put, "/rooms/{roomId}/send/{type}/{txn}");
  EXPECT_EQ(find(Method::Put, "/rooms/%21a%3Ab/send/m.room.message/a%2Fb"),
            "/rooms/{roomId}/send/{type}/{txn} roomId=!a:b type=m.room.message txn=a/b");
}

TEST_F(RouterTest, PrefersLiteralsAndGoesBackToParameters) {
  add(Method::Get, "/rooms/{roomId}/state");
  add(Method::Get, "/rooms/special/members");
  EXPECT_EQ(find(Method::Get, "/rooms/special/members"), "/rooms/special/members");
  EXPECT_EQ(find(Method::Get, "/rooms/special/state"), "/rooms/{roomId}/state roomId=special");
}

TEST_F(RouterTest, TakesATrailingSlashAsAnEmptyLastParameter) {
  add(Method::Get, "/state/{type}");
  add(Method::Get, "/state/{type}/{key}");
  EXPECT_EQ(find(Method::Get, "/state/m.room.name"), "/state/{type} type=m.room.name");
  EXPECT_EQ(find(Method::Get, "/state/m.room.name/"), "/state/{type}/{key} type=m.room.name key=");
  EXPECT_EQ(find(Method::Get, "/state/m.room.name/x"), "/state/{type}/{key} type=m.room.name key=x");
  EXPECT_EQ(find(Method::Get, "/state/m.room.name/x/"), "/state/{type}/{key} type=m.room.name key=x");
  EXPECT_EQ(find(Method::Get, "/state/m.room.name/x//"), "404");
  EXPECT_EQ(find(Method::Get, "/state//x"), "404");
}

TEST_F(RouterTest, IgnoresATrailingSlashOnEitherSide) {
  add(Method::Get, "/pushrules/");
  add(Method::Get, "/sync");
  EXPECT_EQ(find(Method::Get, "/pushrules"), "/pushrules/");
  EXPECT_EQ(find(Method::Get, "/pushrules/"), "/pushrules/");
  EXPECT_EQ(find(Method::Get, "/sync/"), "/sync");
}

TEST_F(RouterTest, GivesTheRestOfThePath) {
  add(Method::Get, "/files/{path*}");
  EXPECT_EQ(find(Method::Get, "/files/a/b%20c/d"), "/files/{path*} path=a/b c/d");
  EXPECT_EQ(find(Method::Get, "/files/"), "/files/{path*} path=");
  EXPECT_EQ(find(Method::Get, "/files"), "404");
}

TEST_F(RouterTest, NamesTheMethodsOfAKnownPath) {
  add(Method::Get, "/a/{b}");
  add(Method::Put, "/a/{b}");
  add(Method::Delete, "/a/c");
  const Match match = router_.match(Method::Post, "/a/c", UINT32_MAX);
  EXPECT_EQ(match.route, nullptr);
  EXPECT_EQ(match.allowed, 1U << static_cast<unsigned>(Method::Get) |
                               1U << static_cast<unsigned>(Method::Put) |
                               1U << static_cast<unsigned>(Method::Delete));
  EXPECT_EQ(find(Method::Put, "/a/c"), "/a/{b} b=c");
}

TEST_F(RouterTest, HidesRoutesOfOtherResources) {
  add(Method::Get, "/a", "client");
  add(Method::Get, "/b", "federation");
  const std::uint32_t client = router_.resource_bit("client");
  EXPECT_EQ(find(Method::Get, "/a", client), "/a");
  EXPECT_EQ(find(Method::Get, "/b", client), "404");
  EXPECT_EQ(find(Method::Put, "/b", client), "404");
}

TEST_F(RouterTest, RecordsThePluginAndNamesBothOnAClash) {
  router_.set_plugin("rooms");
  add(Method::Get, "/a");
  EXPECT_EQ(router_.routes().front().plugin, "rooms");
  router_.set_plugin("other");
  try {
    add(Method::Get, "/a");
    FAIL();
  } catch (const std::logic_error& error) {
    EXPECT_NE(std::string(error.what()).find("rooms"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("other"), std::string::npos);
  }
}

TEST_F(RouterTest, RefusesMalformedPatterns) {
  for (const char* pattern : {"", "a", "/{", "/{}", "/{a", "/{a*}/b", "/{*}"}) {
    EXPECT_THROW(add(Method::Get, pattern), std::logic_error) << pattern;
  }
  EXPECT_THROW(add(Method::Get, "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}"), std::logic_error);
}

TEST(PercentDecodeTest, LeavesWhatIsNoEscape) {
  std::string out;
  percent_decode("a%2", false, out);
  EXPECT_EQ(out, "a%2");
  percent_decode("%zz%", false, out);
  EXPECT_EQ(out, "%zz%");
  percent_decode("%00%FF+", true, out);
  EXPECT_EQ(out, std::string("\0\xff ", 3));
  percent_decode("+", false, out);
  EXPECT_EQ(out, "+");
}

}  // namespace
}  // namespace lares::http
