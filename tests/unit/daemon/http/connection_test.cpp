// SPDX-License-Identifier: Apache-2.0
// What a connection does with requests, good and bad ones, without a network.
#include "memory_connection.hpp"

#include <http/compression.hpp>

#include <lares/async/event.hpp>
#include <lares/base/error.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/storage/errors.hpp>

#include <gtest/gtest.h>

#include <atomic>

namespace lares::http::test {
namespace {

using namespace std::chrono_literals;

class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() {
    Router& router = server_.router();
    router.add<Access::Public>(
        Method::Get, {"/hello"}, {.name = "Hello"}, [](const Anyone&, Request& request) -> Task<Response> {
          co_return Response::json({{"ip", request.client_ip()}, {"q", request.query("q").value_or("-")}});
        });
    router.add<Access::Public>(
        Method::Post, {"/echo"}, {.name = "Echo"},
        [](const Anyone&, Request& request) -> Task<Response> { co_return Response::json(request.json()); });
    router.add<Access::Public>(
        Method::Post, {"/optional"}, {.name = "Optional", .body_optional = true},
        [](const Anyone&, Request& request) -> Task<Response> { co_return Response::json(request.json()); });
    router.add<Access::Public>(
        Method::Post, {"/raw"}, {.name = "Raw", .body_json = false, .body_limit = 100'000},
        [](const Anyone&, Request& request) -> Task<Response> {
          co_return Response{.content_type = "text/plain", .body = std::string(request.body())};
        });
    router.add<Access::User>(Method::Post, {"/upload"}, {.name = "Upload", .body_json = false},
                             [](const Requester&, Request& request) -> Task<Response> {
                               co_return Response{.content_type = "text/plain",
                                                  .body = std::to_string(request.body().size())};
                             });
    server_.server().authenticator.add("known", "@alice:example.org");
    server_.server().authenticator.add("slow", "@bob:example.org");
    router.add<Access::Public>(Method::Get, {"/poll"}, {.name = "Poll"},
                               [this](const Anyone&, Request&) { return poll(); });
    router.add<Access::Public>(Method::Get, {"/firm"}, {.name = "Firm", .cancellable = false},
                               [this](const Anyone&, Request&) { return poll(); });
    router.add<Access::Public>(Method::Post, {"/write"}, {.name = "Write", .body_optional = true},
                               [this](const Anyone&, Request& request) {
                                 request.shield_from_cancellation();
                                 return poll();
                               });
    router.add<Access::Public>(Method::Get, {"/large"}, {.name = "Large"},
                               [](const Anyone&, Request&) -> Task<Response> {
                                 co_return Response::json_text("\"" + std::string(500'000, 'x') + "\"");
                               });
    router.add<Access::Public>(Method::Get, {"/stream/{kind}"}, {.name = "Stream"},
                               [](const Anyone&, Request& request) { return stream(request.param("kind")); });
    router.add<Access::Public>(Method::Get, {"/throw/{what}"}, {.name = "Throw"},
                               [](const Anyone&, Request& request) { return fail(request.param("what")); });
    server_.open();
  }

  Task<Response> poll() {
    polls_.fetch_add(1);
    try {
      static_cast<void>(co_await event_.wait());
    } catch (...) {
      cancelled_.fetch_add(1);
      throw;
    }
    co_return Response::empty_object();
  }

  class Blocks final : public BodySource {
   public:
    explicit Blocks(int blocks, bool fails) : left_(blocks), fails_(fails) {}
    Task<std::size_t> read(std::span<char> buffer) override {
      if (left_ == 0) {
        if (fails_) {
          throw std::runtime_error("the disk is gone");
        }
        co_return 0;
      }
      --left_;
      buffer[0] = 'a';
      buffer[1] = 'b';
      co_return 2;
    }

   private:
    int left_;
    bool fails_;
  };

  static Task<Response> stream(std::string kind) {
    Response response{.content_type = "application/octet-stream"};
    response.source = std::make_unique<Blocks>(3, kind == "failing");
    if (kind == "known") {
      response.length = 6;
    } else if (kind == "short") {
      response.length = 8;
    }
    co_return response;
  }

  static Task<Response> fail(std::string what) {
    if (what == "matrix") {
      throw forbidden("No.").with("room_id", "\"!a\"").with_header("X-Test", "1");
    }
    if (what == "full") {
      throw QueueFull("persister");
    }
    if (what == "overloaded") {
      throw storage::Overloaded{"secret detail"};
    }
    if (what == "away") {
      throw storage::Unavailable{"secret detail"};
    }
    if (what == "unknown") {
      throw storage::CommitUnknown{"secret detail"};
    }
    if (what == "header") {
      Response response = Response::empty_object();
      response.headers.emplace_back("X-Evil", "a\r\nSet-Cookie: b");
      co_return response;
    }
    throw std::runtime_error("secret detail");
  }

  MemoryServer server_;
  Event event_;
  std::atomic<int> polls_{0};
  std::atomic<int> cancelled_{0};
};

TEST_F(ConnectionTest, AnswersAndKeepsTheConnection) {
  const auto wire = server_.connect();
  for (int round = 0; round < 3; ++round) {
    server_.send(wire, "GET /hello?q=a%20b+c HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string response = server_.responses(wire);
    EXPECT_EQ(status_of(response), 200);
    EXPECT_EQ(body_of(response), R"({"ip":"192.0.2.1","q":"a b c"})");
    EXPECT_EQ(header_of(response, "Content-Length"), std::to_string(body_of(response).size()));
    EXPECT_EQ(header_of(response, "Access-Control-Allow-Origin"), "*");
    EXPECT_EQ(header_of(response, "Connection"), "");
  }
}

TEST_F(ConnectionTest, ReadsARequestByteByByte) {
  const auto wire = server_.connect();
  server_.on_loop([&] { wire->read_step = 1; });
  server_.send(wire, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{\"a\":\"b\"}");
  EXPECT_EQ(body_of(server_.responses(wire)), R"({"a":"b"})");
}

TEST_F(ConnectionTest, AnswersPipelinedRequestsInOrder) {
  const auto wire = server_.connect();
  std::string requests;
  for (int at = 0; at < 200; ++at) {
    requests += "GET /hello?q=" + std::to_string(at) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  }
  server_.send(wire, requests);
  const std::string output = server_.responses(wire, 200);
  std::size_t position = 0;
  for (int at = 0; at < 200; ++at) {
    position = output.find("\"q\":\"" + std::to_string(at) + "\"", position);
    ASSERT_NE(position, std::string::npos) << at;
  }
}

TEST_F(ConnectionTest, KeepsPipelinedRequestsBehindALongPoll) {
  const auto wire = server_.connect();
  server_.send(wire, "GET /poll HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  server_.until(wire, [&] { return polls_ == 1; });
  server_.send(wire, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
  server_.on_loop([&] { EXPECT_EQ(wire->output, ""); });
  event_.set();
  const std::string output = server_.responses(wire, 3);
  EXPECT_LT(output.find("{}"), output.find("192.0.2.1"));
  EXPECT_LT(output.find("192.0.2.1"), output.find("M_UNRECOGNIZED"));
}

TEST_F(ConnectionTest, AnswersHeadWithoutABody) {
  const std::string response = server_.ask("HEAD", "/hello");
  EXPECT_EQ(status_of(response), 200);
  EXPECT_EQ(header_of(response, "Content-Length"), "26");
  EXPECT_EQ(body_of(response), "");
}

TEST_F(ConnectionTest, AnswersOptionsForBrowsers) {
  const std::string response = server_.ask("OPTIONS", "/anything");
  EXPECT_EQ(status_of(response), 204);
  EXPECT_EQ(header_of(response, "Access-Control-Allow-Origin"), "*");
  EXPECT_NE(header_of(response, "Access-Control-Allow-Headers").find("Authorization"), std::string::npos);
  EXPECT_EQ(header_of(response, "Content-Length"), "");
}

TEST_F(ConnectionTest, RefusesUnknownPathsAndMethods) {
  EXPECT_EQ(status_of(server_.ask("GET", "/nothing")), 404);
  EXPECT_EQ(errcode_of(server_.ask("GET", "/nothing")), "M_UNRECOGNIZED");
  const std::string wrong = server_.ask("DELETE", "/hello");
  EXPECT_EQ(status_of(wrong), 405);
  EXPECT_EQ(errcode_of(wrong), "M_UNRECOGNIZED");
  EXPECT_EQ(header_of(wrong, "Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(status_of(server_.ask("BREW", "/hello")), 405);
  EXPECT_EQ(status_of(server_.ask("BREW", "/nothing")), 404);
}

TEST_F(ConnectionTest, ClosesWhenTheClientAsksForIt) {
  const std::string response = server_.ask("GET", "/hello", "Connection: close\r\n");
  EXPECT_EQ(header_of(response, "Connection"), "close");
  const std::string old = server_.ask("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(status_of(old), 200);
  EXPECT_EQ(header_of(old, "Connection"), "close");
  const std::string kept = server_.ask("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(header_of(kept, "Connection"), "keep-alive");
}

TEST_F(ConnectionTest, ContinuesWhenExpected) {
  const auto wire = server_.connect();
  server_.send(wire, "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  server_.until(wire, [&] { return wire->output == "HTTP/1.1 100 Continue\r\n\r\n"; });
  server_.on_loop([&] { wire->output.clear(); });
  server_.send(wire, "{}");
  EXPECT_EQ(body_of(server_.responses(wire)), "{}");
  EXPECT_EQ(status_of(server_.ask("POST", "/echo", "Expect: miracles\r\n", "{}")), 417);
  EXPECT_EQ(status_of(server_.ask(
                "POST /raw HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100001\r\n\r\n")),
            413);
}

TEST_F(ConnectionTest, ContinuesWithTheAnswerWhereTheClientIsStillReading) {
  for (const std::size_t room : {0U, 7U}) {
    const auto wire = server_.connect();
    server_.on_loop([&] { wire->room = room; });
    server_.send(wire, "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    server_.on_loop([&] {
      EXPECT_EQ(wire->output.size(), room);
      EXPECT_FALSE(wire->closed);
    });
    server_.send(wire, "{}");
    server_.on_loop([&] { wire->room = SIZE_MAX; });
    const std::string output = server_.responses(wire, 2);
    EXPECT_TRUE(output.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")) << output;
    EXPECT_TRUE(output.ends_with("\r\n\r\n{}")) << output;
  }
}

TEST_F(ConnectionTest, ReadsChunkedBodies) {
  EXPECT_EQ(body_of(server_.ask("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "4\r\n{\"a\"\r\n5;x=y\r\n:\"b\"}\r\n0\r\nTrailer: t\r\n\r\n")),
            R"({"a":"b"})");
  const auto wire = server_.connect();
  server_.on_loop([&] { wire->read_step = 1; });
  server_.send(
      wire,
      "POST /raw HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
      "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string output = server_.responses(wire, 2);
  EXPECT_NE(output.find("\r\n\r\nabcde"), std::string::npos);
  EXPECT_NE(output.find("192.0.2.1"), std::string::npos);
}

struct BadRequest {
  const char* name;
  std::string bytes;
  int status;
  const char* errcode;
};

class BadRequestTest : public ConnectionTest, public testing::WithParamInterface<BadRequest> {};

TEST_P(BadRequestTest, IsRefusedAndTheServerLives) {
  const std::string response = server_.ask(GetParam().bytes);
  EXPECT_EQ(status_of(response), GetParam().status) << response;
  EXPECT_EQ(errcode_of(response), GetParam().errcode) << response;
  EXPECT_EQ(header_of(response, "Connection"), "close");
  EXPECT_EQ(status_of(server_.ask("GET", "/hello")), 200);
}

std::string post(std::string_view body, std::string_view headers = {}) {
  return "POST /echo HTTP/1.1\r\nHost: x\r\n" + std::string(headers) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

INSTANTIATE_TEST_SUITE_P(
    Header, BadRequestTest,
    testing::Values(
        BadRequest{"Garbage", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "M_UNKNOWN"},
        BadRequest{"NoTarget", "GET\r\n\r\n", 400, "M_UNKNOWN"},
        BadRequest{"TargetWithoutSlash", "GET hello HTTP/1.1\r\nHost: x\r\n\r\n", 400, "M_UNKNOWN"},
        BadRequest{"AbsoluteTargetWithoutPath", "GET http://a?b=/hello HTTP/1.1\r\nHost: x\r\n\r\n", 400,
                   "M_UNKNOWN"},
        BadRequest{"SpaceInTarget", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 505, "M_UNKNOWN"},
        BadRequest{"Http2Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "M_UNKNOWN"},
        BadRequest{"NoHost", "GET /hello HTTP/1.1\r\n\r\n", 400, "M_UNKNOWN"},
        BadRequest{"TwoHosts", "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "M_UNKNOWN"},
        BadRequest{"FoldedField", "GET /hello HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n", 400, "M_UNKNOWN"},
        BadRequest{"SpaceBeforeColon", "GET /hello HTTP/1.1\r\nHost : a\r\n\r\n", 400, "M_UNKNOWN"},
        BadRequest{"NulInField", std::string("GET /hello HTTP/1.1\r\nHost: a\0b\r\n\r\n", 34), 400,
                   "M_UNKNOWN"},
        BadRequest{"BadLength", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n", 400,
                   "M_UNKNOWN"},
        BadRequest{"NegativeLength", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400,
                   "M_UNKNOWN"},
        BadRequest{"HugeLength",
                   "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 400,
                   "M_UNKNOWN"},
        BadRequest{"TwoLengths",
                   "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400,
                   "M_UNKNOWN"},
        BadRequest{"OneLengthTwice",
                   "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400,
                   "M_UNKNOWN"},
        BadRequest{"ListOfLengths", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2, 2\r\n\r\n{}", 400,
                   "M_UNKNOWN"},
        BadRequest{"LengthAndChunks",
                   "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: "
                   "chunked\r\n\r\n0\r\n\r\n",
                   400, "M_UNKNOWN"},
        BadRequest{"UnknownCoding", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501,
                   "M_UNKNOWN"},
        BadRequest{"CodingBeforeChunks",
                   "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501,
                   "M_UNKNOWN"},
        BadRequest{"BadChunk", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                   400, "M_UNKNOWN"},
        BadRequest{
            "LongChunkLine",
            "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(6000, 'x'),
            400, "M_UNKNOWN"},
        BadRequest{"LongHeader",
                   "GET /hello HTTP/1.1\r\nHost: x\r\nX-Long: " + std::string(40'000, 'x') + "\r\n\r\n", 431,
                   "M_TOO_LARGE"},
        BadRequest{"LongTarget", "GET /" + std::string(40'000, 'x') + " HTTP/1.1\r\nHost: x\r\n\r\n", 431,
                   "M_TOO_LARGE"},
        BadRequest{"ManyFields",
                   [] {
                     std::string text = "GET /hello HTTP/1.1\r\nHost: x\r\n";
                     for (int at = 0; at < 200; ++at) {
                       text += "A: b\r\n";
                     }
                     return text + "\r\n";
                   }(),
                   431, "M_TOO_LARGE"},
        BadRequest{"LargeBody", "POST /raw HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n", 413,
                   "M_TOO_LARGE"},
        BadRequest{"LargeChunkedBody",
                   "POST /raw HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n186a1\r\n" +
                       std::string(100'001, 'x'),
                   413, "M_TOO_LARGE"},
        BadRequest{"LargeBodyOfAStranger", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n",
                   413, "M_TOO_LARGE"}),
    [](const auto& info) { return info.param.name; });

struct BadBody {
  const char* name;
  std::string body;
  const char* errcode;
};

class BadBodyTest : public ConnectionTest, public testing::WithParamInterface<BadBody> {};

TEST_P(BadBodyTest, IsRefusedAndTheConnectionLives) {
  const auto wire = server_.connect();
  server_.send(wire, post(GetParam().body));
  const std::string response = server_.responses(wire);
  EXPECT_EQ(status_of(response), 400) << response;
  EXPECT_EQ(errcode_of(response), GetParam().errcode) << response;
  server_.send(wire, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(status_of(server_.responses(wire)), 200);
}

INSTANTIATE_TEST_SUITE_P(
    Json, BadBodyTest,
    testing::Values(BadBody{"Empty", "", "M_NOT_JSON"}, BadBody{"Blank", "  ", "M_NOT_JSON"},
                    BadBody{"Truncated", R"({"a":)", "M_NOT_JSON"},
                    BadBody{"TruncatedString", R"({"a":"b)", "M_NOT_JSON"},
                    BadBody{"Text", "hello", "M_NOT_JSON"}, BadBody{"Trailing", "{} {}", "M_NOT_JSON"},
                    BadBody{"InvalidUtf8", "{\"a\":\"\xff\xfe\"}", "M_NOT_JSON"},
                    BadBody{"OverlongUtf8", "{\"a\":\"\xc0\x80\"}", "M_NOT_JSON"},
                    BadBody{"ControlCharacter", "{\"a\":\"\n\"}", "M_NOT_JSON"},
                    BadBody{"Array", "[]", "M_BAD_JSON"}, BadBody{"String", "\"a\"", "M_BAD_JSON"},
                    BadBody{"Null", "null", "M_BAD_JSON"},
                    BadBody{"NumberOutOfRange", R"({"a":1e999})", "M_BAD_JSON"},
                    BadBody{"Duplicate", R"({"a":1,"a":2})", "M_BAD_JSON"},
                    BadBody{"Deep", "{\"a\":" + std::string(30'000, '[') + std::string(30'000, ']') + "}",
                            "M_BAD_JSON"}),
    [](const auto& info) { return info.param.name; });

TEST_F(ConnectionTest, ReadsAnAbsentBodyAsAnObjectWhereTheRouteSaysSo) {
  EXPECT_EQ(body_of(server_.ask("POST", "/optional")), "{}");
  EXPECT_EQ(status_of(server_.ask("POST", "/optional", {}, "[]")), 400);
}

TEST_F(ConnectionTest, RefusesCompressedBodiesThatCannotBeUnpackedAndTheConnectionLives) {
  struct Case {
    std::string request;
    int status;
    std::string_view errcode;
  };
  const Case cases[] = {
      {post("xx", "Content-Encoding: br\r\n"), 415, "M_UNKNOWN"},
      {post("not gzip", "Content-Encoding: gzip\r\n"), 400, "M_UNKNOWN"},
      {post(gzip(std::string(10'000'000, ' ')), "Content-Encoding: gzip\r\n"), 413, "M_TOO_LARGE"}};
  const auto wire = server_.connect();
  for (const Case& one : cases) {
    server_.send(wire, one.request);
    const std::string response = server_.responses(wire);
    EXPECT_EQ(status_of(response), one.status) << response;
    EXPECT_EQ(errcode_of(response), one.errcode) << response;
  }
  server_.send(wire, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(status_of(server_.responses(wire)), 200);
}

TEST_F(ConnectionTest, UnpacksNothingOfAStranger) {
  // Its answer would be 400 or 413 if it were unpacked.
  for (const std::string& body : {std::string("not gzip"), gzip(std::string(60'000'000, ' '))}) {
    for (const std::string_view token : {"", "Authorization: Bearer nobody\r\n"}) {
      const std::string headers = std::string(token) + "Content-Encoding: gzip\r\n";
      const std::string response = server_.ask("POST", "/upload", headers, body);
      EXPECT_EQ(status_of(response), 401) << response;
    }
  }
  EXPECT_EQ(status_of(server_.ask("POST", "/nowhere", "Content-Encoding: gzip\r\n", "not gzip")), 404);
  for (const std::string_view token : {"known", "slow"}) {
    EXPECT_EQ(
        body_of(server_.ask("POST", "/upload",
                            "Authorization: Bearer " + std::string(token) + "\r\nContent-Encoding: gzip\r\n",
                            gzip(std::string(200'000, ' ')))),
        "200000");
  }
}

TEST_F(ConnectionTest, UnpacksCompressedBodies) {
  EXPECT_EQ(body_of(server_.ask(post(gzip(R"({"a":1})"), "Content-Encoding: gzip\r\n"))), R"({"a":1})");
}

TEST_F(ConnectionTest, CompressesWhereAcceptedAndDeclared) {
  EXPECT_EQ(header_of(server_.ask("GET", "/large", "Accept-Encoding: gzip\r\n"), "Content-Encoding"), "");
  server_.settings().compressed = UINT32_MAX;
  const std::string response = server_.ask("GET", "/large", "Accept-Encoding: deflate, gzip;q=0.5\r\n");
  EXPECT_EQ(header_of(response, "Content-Encoding"), "gzip");
  EXPECT_EQ(header_of(response, "Vary"), "Accept-Encoding");
  bool too_large = false;
  EXPECT_EQ(gunzip(body_of(response), 1'000'000, too_large), "\"" + std::string(500'000, 'x') + "\"");
  EXPECT_EQ(header_of(server_.ask("GET", "/large", "Accept-Encoding: gzip;q=0\r\n"), "Content-Encoding"), "");
  EXPECT_EQ(header_of(server_.ask("GET", "/hello", "Accept-Encoding: gzip\r\n"), "Content-Encoding"), "");
}

TEST_F(ConnectionTest, TakesTheClientFromTheProxyWhereTold) {
  const std::string_view forwarded = "X-Forwarded-For: 198.51.100.7, 10.0.0.1\r\n";
  EXPECT_NE(server_.ask("GET", "/hello", forwarded).find("192.0.2.1"), std::string::npos);
  server_.settings().x_forwarded = true;
  EXPECT_NE(server_.ask("GET", "/hello", forwarded).find("198.51.100.7"), std::string::npos);
}

TEST_F(ConnectionTest, AnswersWhatWasCutShort) {
  for (const std::string_view start :
       {"GET /he", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{\"a"}) {
    const auto wire = server_.connect();
    server_.send(wire, start);
    server_.end_input(wire);
    EXPECT_EQ(status_of(server_.responses(wire)), 400) << start;
    server_.until(wire, [&] { return wire->closed; });
  }
}

TEST_F(ConnectionTest, ClosesAtOnceWhenNothingWasSent) {
  const auto wire = server_.connect();
  server_.end_input(wire);
  server_.until(wire, [&] { return wire->closed; });
  EXPECT_EQ(wire->output, "");
}

TEST_F(ConnectionTest, AnswersAClientThatHasFinishedSending) {
  const auto wire = server_.connect();
  server_.on_loop([&] {
    wire->input = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
    wire->input_ended = true;
    wire->pump();
  });
  EXPECT_EQ(status_of(server_.responses(wire)), 200);
  server_.until(wire, [&] { return wire->closed; });
}

TEST_F(ConnectionTest, AnswersAHalfClosedClientWithinTheGrace) {
  const auto wire = server_.connect();
  server_.send(wire, "GET /poll HTTP/1.1\r\nHost: x\r\n\r\n");
  server_.until(wire, [&] { return polls_ == 1; });
  server_.end_input(wire);
  event_.set();
  EXPECT_EQ(status_of(server_.responses(wire)), 200);
  EXPECT_EQ(cancelled_, 0);
}

TEST_F(ConnectionTest, AnswersEverythingThatWasPipelinedBeforeTheClientFinishedSending) {
  const auto wire = server_.connect();
  server_.send(wire,
               "GET /poll HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n" + post("{}"));
  server_.until(wire, [&] { return polls_ == 1; });
  server_.end_input(wire);
  event_.set();
  const std::string responses = server_.responses(wire, 3);
  EXPECT_NE(responses.find(R"("ip")"), std::string::npos) << responses;
  EXPECT_EQ(responses.find("Connection: close"), responses.rfind("Connection: close"));
  server_.until(wire, [&] { return wire->closed; });
}

TEST_F(ConnectionTest, SaysThatTheLastPipelinedRequestWasCutShort) {
  const auto wire = server_.connect();
  server_.send(wire, "GET /poll HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHo");
  server_.until(wire, [&] { return polls_ == 1; });
  server_.end_input(wire);
  event_.set();
  const std::string responses = server_.responses(wire, 2);
  EXPECT_EQ(status_of(responses), 200);
  EXPECT_NE(responses.find("HTTP/1.1 400 "), std::string::npos) << responses;
  server_.until(wire, [&] { return wire->closed; });
}

TEST_F(ConnectionTest, CancelsTheWorkOfAHalfClosedClientAfterTheGrace) {
  const auto wire = server_.connect();
  server_.send(wire, "GET /poll HTTP/1.1\r\nHost: x\r\n\r\n");
  server_.until(wire, [&] { return polls_ == 1; });
  server_.end_input(wire);
  server_.pass_time(2s);
  server_.until(wire, [&] { return wire->closed; });
  EXPECT_EQ(cancelled_, 1);
  EXPECT_EQ(wire->output, "");
}

TEST_F(ConnectionTest, CancelsTheWorkOfAClientThatIsGone) {
  const auto wire = server_.connect();
  server_.send(wire, "GET /poll HTTP/1.1\r\nHost: x\r\n\r\n");
  server_.until(wire, [&] { return polls_ == 1; });
  server_.break_wire(wire);
  server_.until(wire, [&] { return wire->closed; });
  EXPECT_EQ(cancelled_, 1);
}

TEST_F(ConnectionTest, FinishesWritesAndUncancellableWorkOfAClientThatIsGone) {
  for (const std::string_view request : {"POST /write", "GET /firm"}) {
    polls_ = 0;
    event_.reset();
    const auto wire = server_.connect();
    server_.send(wire, std::string(request) + " HTTP/1.1\r\nHost: x\r\n\r\n");
    server_.until(wire, [&] { return polls_ == 1; });
    server_.break_wire(wire);
    server_.pass_time(10s);
    server_.on_loop([&] { EXPECT_FALSE(wire->closed); });
    event_.set();
    server_.until(wire, [&] { return wire->closed; });
    EXPECT_EQ(cancelled_, 0);
  }
}

TEST_F(ConnectionTest, ClosesConnectionsThatSendNothing) {
  const auto wire = server_.connect();
  server_.pass_time(21s);
  server_.until(wire, [&] { return wire->closed; });
  EXPECT_EQ(wire->output, "");
}

TEST_F(ConnectionTest, RefusesSlowHeadersAndBodies) {
  for (const std::string_view start :
       {"GET /he", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"}) {
    const auto wire = server_.connect();
    server_.send(wire, start);
    server_.pass_time(51s);
    const std::string response = server_.responses(wire);
    EXPECT_EQ(status_of(response), 408) << start;
    server_.pass_time(60s);
    server_.until(wire, [&] { return wire->closed; });
  }
}

TEST_F(ConnectionTest, GivesLargeBodiesMoreTime) {
  const auto wire = server_.connect();
  server_.send(wire,
               "POST /raw HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n" + std::string(80'000, 'x'));
  server_.pass_time(52s);
  server_.send(wire, std::string(10'000, 'x'));
  EXPECT_EQ(status_of(server_.responses(wire)), 200);
}

TEST_F(ConnectionTest, HoldsNoMoreOfWhatStrangersSendThanItMay) {
  server_.on_loop([&] { server_.core().most_of_strangers = 500'000; });
  const auto upload = [this](std::string_view token) {
    const auto wire = server_.connect();
    server_.send(wire,
                 "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\nAuthorization: Bearer " +
                     std::string(token) + "\r\n\r\n" + std::string(199'999, 'x'));
    return wire;
  };
  const auto first = upload("made-up");
  const auto second = upload("slow");
  const auto third = upload("made-up");
  EXPECT_EQ(errcode_of(server_.responses(third)), "M_LIMIT_EXCEEDED");
  server_.end_input(third);
  server_.until(third, [&] { return third->closed; });
  // Whoever was here lately does not suffer from it.
  const auto known = upload("known");
  server_.send(known, "x");
  EXPECT_EQ(body_of(server_.responses(known)), "200000");
  // What is read through or broken off makes room.
  server_.send(second, "x");
  EXPECT_EQ(body_of(server_.responses(second)), "200000");
  server_.break_wire(first);
  server_.until(first, [&] { return first->closed; });
  server_.on_loop([&] { EXPECT_EQ(server_.core().strangers_bytes, 0U); });
  const auto fourth = upload("slow");
  server_.send(fourth, "x");
  EXPECT_EQ(body_of(server_.responses(fourth)), "200000");
}

TEST_F(ConnectionTest, ClosesIdleConnections) {
  const auto wire = server_.connect();
  server_.send(wire, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(status_of(server_.responses(wire)), 200);
  server_.pass_time(70s);
  server_.on_loop([&] { EXPECT_FALSE(wire->closed); });
  server_.pass_time(80s);
  server_.until(wire, [&] { return wire->closed; });
}

TEST_F(ConnectionTest, WritesAtTheClientsPace) {
  const auto wire = server_.connect();
  server_.on_loop([&] { wire->room = 10; });
  server_.send(wire, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  while (true) {
    bool complete = false;
    server_.on_loop([&] {
      wire->room = 100'000;
      wire->pump();
      complete = wire->output.size() > 500'000;
    });
    if (complete) {
      break;
    }
  }
  server_.on_loop([&] { wire->room = SIZE_MAX; });
  EXPECT_EQ(body_of(server_.responses(wire)), "\"" + std::string(500'000, 'x') + "\"");
}

TEST_F(ConnectionTest, GivesUpOnClientsThatDoNotRead) {
  const auto wire = server_.connect();
  server_.on_loop([&] { wire->room = 10; });
  server_.send(wire, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  server_.until(wire, [&] { return wire->output.size() == 10; });
  server_.pass_time(31s);
  server_.until(wire, [&] { return wire->closed; });
}

TEST_F(ConnectionTest, StreamsBodies) {
  EXPECT_EQ(body_of(server_.ask("GET", "/stream/known")), "ababab");
  const std::string chunked = server_.ask("GET", "/stream/unknown");
  EXPECT_EQ(header_of(chunked, "Transfer-Encoding"), "chunked");
  EXPECT_EQ(body_of(chunked), "2\r\nab\r\n2\r\nab\r\n2\r\nab\r\n0\r\n\r\n");
  const auto wire = server_.connect();
  server_.send(wire, "GET /stream/unknown HTTP/1.0\r\n\r\n");
  EXPECT_EQ(body_of(server_.responses(wire)), "ababab");
  server_.until(wire, [&] { return wire->closed; });
  const std::string head = server_.ask("HEAD", "/stream/known");
  EXPECT_EQ(header_of(head, "Content-Length"), "6");
  EXPECT_EQ(body_of(head), "");
}

TEST_F(ConnectionTest, StreamsAtTheClientsPace) {
  const auto wire = server_.connect();
  server_.on_loop([&] { wire->room = 1; });
  server_.send(wire, "GET /stream/unknown HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  server_.until(wire, [&] {
    wire->room = 1;
    return wire->output.ends_with("0\r\n\r\n");
  });
  server_.on_loop([&] { wire->room = SIZE_MAX; });
  EXPECT_NE(server_.responses(wire, 2).find("192.0.2.1"), std::string::npos);
}

TEST_F(ConnectionTest, ClosesWhenAStreamedBodyCannotBeCompleted) {
  for (const std::string_view kind : {"failing", "short"}) {
    const auto wire = server_.connect();
    server_.send(wire, "GET /stream/" + std::string(kind) + " HTTP/1.1\r\nHost: x\r\n\r\n");
    server_.until(wire, [&] { return wire->closed; });
    EXPECT_EQ(wire->output.find("\r\n0\r\n\r\n"), std::string::npos);
  }
}

TEST_F(ConnectionTest, TurnsWhatIsThrownIntoResponses) {
  const std::string matrix = server_.ask("GET", "/throw/matrix");
  EXPECT_EQ(status_of(matrix), 403);
  EXPECT_EQ(body_of(matrix), R"({"errcode":"M_FORBIDDEN","error":"No.","room_id":"!a"})");
  EXPECT_EQ(header_of(matrix, "X-Test"), "1");
  const std::string internal = server_.ask("GET", "/throw/other");
  EXPECT_EQ(status_of(internal), 500);
  EXPECT_EQ(body_of(internal), R"({"errcode":"M_UNKNOWN","error":"Internal server error"})");
  EXPECT_EQ(errcode_of(server_.ask("GET", "/throw/full")), "M_LIMIT_EXCEEDED");
  EXPECT_EQ(errcode_of(server_.ask("GET", "/throw/overloaded")), "M_LIMIT_EXCEEDED");
  for (const char* const what : {"away", "unknown"}) {
    const std::string response = server_.ask("GET", std::string{"/throw/"} + what);
    EXPECT_EQ(status_of(response), 503);
    EXPECT_EQ(body_of(response).find("secret"), std::string::npos);
  }
}

TEST_F(ConnectionTest, LeavesOutHeadersThatWouldBeginAnother) {
  EXPECT_EQ(server_.ask("GET", "/throw/header").find("Set-Cookie"), std::string::npos);
}

TEST_F(ConnectionTest, DrainsByClosingAfterTheResponse) {
  const auto idle = server_.connect();
  const auto busy = server_.connect();
  server_.send(busy, "GET /poll HTTP/1.1\r\nHost: x\r\n\r\n");
  server_.until(busy, [&] { return polls_ == 1; });
  server_.core().draining = true;
  server_.drain();
  server_.until(idle, [&] { return idle->closed; });
  server_.on_loop([&] { EXPECT_FALSE(busy->closed); });
  event_.set();
  EXPECT_EQ(header_of(server_.responses(busy), "Connection"), "close");
  server_.until(busy, [&] { return busy->closed; });
}

}  // namespace
}  // namespace lares::http::test
