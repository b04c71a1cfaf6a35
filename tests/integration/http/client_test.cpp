// SPDX-License-Identifier: Apache-2.0
// The SDK's HTTP client against the daemon's server.
#include "running_server.hpp"
#include "test_socket.hpp"

#include <lares/async/task_group.hpp>
#include <lares/http/client.hpp>

#include <gtest/gtest.h>

#include <optional>

namespace lares::http::test {
namespace {

class HttpClientTest : public testing::Test {
 public:
  HttpClientTest() { write_certificate("server.example", certificate_, key_); }
  void SetUp() override {
    server_.listeners().push_back({{"path", folder_ / "s"}, {"resources", {{{"names", {"client"}}}}}});
    server_.listeners().push_back({{"port", 0},
                                   {"bind_addresses", {"127.0.0.1"}},
                                   {"tls", true},
                                   {"tls_certificate_path", certificate_},
                                   {"tls_private_key_path", key_},
                                   {"resources", {{{"names", {"client"}}}}}});
    server_.begin();
    make_client({});
  }
  void TearDown() override { stop_client(); }
  void make_client(ClientOptions options) {
    stop_client();
    options.server_name = "example.org";
    client_ = std::make_unique<Client>(server_.runtime(), std::move(options));
  }
  void stop_client() {
    if (client_ != nullptr) {
      run_blocking(server_.runtime(), "stop",
                   [](Client& client) -> Task<void> { co_await client.stop(); }(*client_));
    }
  }
  ClientResponse send(Endpoint endpoint, ClientRequest request) {
    return run_blocking(server_.runtime(), "send", client_->send(std::move(endpoint), std::move(request)));
  }
  std::optional<ClientError::Kind> error_of(Endpoint endpoint, ClientRequest request) {
    try {
      send(std::move(endpoint), std::move(request));
      return std::nullopt;
    } catch (const ClientError& error) {
      return error.kind();
    }
  }
  [[nodiscard]] Endpoint tcp() const { return {.host = "127.0.0.1", .port = server_.port()}; }
  [[nodiscard]] Endpoint tls() const { return {.host = "127.0.0.1", .port = server_.port(2), .tls = true}; }
  std::uint64_t accepted() {
    return server_.server()
        .metrics()
        .counter("lares_http_connections_accepted", "Client connections accepted.")
        .value();
  }

  TemporaryFolder folder_;
  std::string certificate_ = folder_ / "cert.pem";
  std::string key_ = folder_ / "key.pem";
  RunningServer server_;
  std::unique_ptr<Client> client_;
};

TEST_F(HttpClientTest, SendsAndReceivesOnAKeptConnection) {
  for (int at = 0; at < 10; ++at) {
    const std::string body(static_cast<std::size_t>(at) * 50'000, 'b');
    const ClientResponse response = send(tcp(), {.method = Method::Post, .target = "/echo", .body = body});
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, body);
    EXPECT_EQ(response.header("content-type"), "text/plain");
  }
  EXPECT_EQ(accepted(), 1U);
  EXPECT_EQ(send(tcp(), {.target = "/nothing"}).status, 404);
}

TEST_F(HttpClientTest, TalksOverUnixSockets) {
  EXPECT_EQ(send({.unix_path = folder_ / "s"}, {.target = "/hello"}).body, R"({"hello":1})");
}

TEST_F(HttpClientTest, VerifiesCertificates) {
  EXPECT_EQ(error_of(tls(), {.target = "/hello"}), ClientError::Kind::Tls);
  make_client({.extra_ca_files = {certificate_}});
  EXPECT_EQ(send(tls(), {.target = "/hello"}).status, 200);
  Endpoint named = tls();
  named.tls_name = "server.example";
  EXPECT_EQ(send(named, {.target = "/hello"}).status, 200);
  named.tls_name = "other.example";
  EXPECT_EQ(error_of(named, {.target = "/hello"}), ClientError::Kind::Tls);
  make_client({.verify_certificates = false});
  EXPECT_EQ(send(named, {.target = "/hello"}).status, 200);
}

TEST_F(HttpClientTest, GivesUpAtTheDeadline) {
  EXPECT_EQ(error_of(tcp(), {.target = "/poll", .deadline = std::chrono::milliseconds(50)}),
            ClientError::Kind::Timeout);
}

TEST_F(HttpClientTest, SaysWhyNoResponseCame) {
  EXPECT_EQ(error_of({.unix_path = folder_ / "nobody"}, {}), ClientError::Kind::Connect);
  EXPECT_EQ(error_of({.host = "name.invalid", .port = 1}, {}), ClientError::Kind::Resolve);
  EXPECT_EQ(error_of(tcp(), {.target = "/large", .body_limit = 1000}), ClientError::Kind::TooLarge);
  EXPECT_THROW(send(tcp(), {.target = "/a b"}), std::invalid_argument);
  EXPECT_THROW(send(tcp(), {.headers = {{"X", "a\r\nY: b"}}}), std::invalid_argument);
}

TEST_F(HttpClientTest, WaitsForAConnectionAndRefusesTooManyWaiters) {
  make_client({.connections_per_endpoint = 1, .waiting_per_endpoint = 1});
  std::atomic<int> busy{0};
  std::atomic<int> answered{0};
  run_blocking(
      server_.runtime(), "several",
      [](HttpClientTest& test, Endpoint endpoint, std::atomic<int>& refused,
         std::atomic<int>& done) -> Task<void> {
        TaskGroup group(test.server_.runtime(), "several");
        for (int at = 0; at < 3; ++at) {
          spawn(
              group, Background("several"),
              [](Client& client, Endpoint to, std::atomic<int>& no, std::atomic<int>& yes) -> Task<void> {
                try {
                  const ClientResponse response = co_await client.send(to, {.target = "/poll"});
                  yes += response.status == 200 ? 1 : 0;
                } catch (const ClientError& error) {
                  no += error.kind() == ClientError::Kind::Busy ? 1 : 0;
                }
              }(*test.client_, endpoint, refused, done),
              &test.server_.runtime().loop(0));
        }
        while (test.server_.polls.load() == 0 || refused.load() == 0) {
          co_await test.server_.runtime().sleep_for(std::chrono::milliseconds(1));
        }
        test.server_.release.set();
        static_cast<void>(co_await group.join());
      }(*this, tcp(), busy, answered));
  EXPECT_EQ(busy, 1);
  EXPECT_EQ(answered, 2);
  EXPECT_EQ(accepted(), 1U);
}

TEST_F(HttpClientTest, EndsRequestsWhenItIsStopped) {
  std::atomic<bool> stopped{false};
  run_blocking(server_.runtime(), "stop",
               [](HttpClientTest& test, Endpoint endpoint, std::atomic<bool>& out) -> Task<void> {
                 TaskGroup group(test.server_.runtime(), "one");
                 spawn(group, Background("one"),
                       [](Client& client, Endpoint to, std::atomic<bool>& result) -> Task<void> {
                         try {
                           const ClientResponse response = co_await client.send(to, {.target = "/poll"});
                         } catch (const ClientError& error) {
                           result = error.kind() == ClientError::Kind::Stopped;
                         }
                       }(*test.client_, endpoint, out));
                 while (test.server_.polls.load() == 0) {
                   co_await test.server_.runtime().sleep_for(std::chrono::milliseconds(1));
                 }
                 co_await test.client_->stop();
                 static_cast<void>(co_await group.join());
               }(*this, tcp(), stopped));
  EXPECT_TRUE(stopped);
  EXPECT_EQ(error_of(tcp(), {.target = "/hello"}), ClientError::Kind::Stopped);
}

}  // namespace
}  // namespace lares::http::test
