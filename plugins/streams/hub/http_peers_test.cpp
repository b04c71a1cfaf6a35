// SPDX-License-Identifier: Apache-2.0
#include "http_peers.hpp"

#include <lares_test/test_server.hpp>

#include <lares/async/real_runtime.hpp>
#include <lares/http/matrix_error.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace lares::hub {
namespace {

/// A process that answers the first call on each connection, and breaks off where the next one was read.
class BreakingProcess {
 public:
  BreakingProcess() : listening_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const name = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    if (::bind(listening_, name, size) != 0 || ::listen(listening_, 5) != 0 ||
        ::getsockname(listening_, name, &size) != 0) {
      std::abort();
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread{[this] { serve(); }};
  }
  BreakingProcess(const BreakingProcess&) = delete;
  BreakingProcess& operator=(const BreakingProcess&) = delete;
  ~BreakingProcess() {
    ::shutdown(listening_, SHUT_RDWR);
    thread_.join();
    ::close(listening_);
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] int calls() const noexcept { return calls_; }

 private:
  void serve() {
    for (;;) {
      const int connection = ::accept(listening_, nullptr, nullptr);
      if (connection < 0) {
        return;
      }
      if (read_call(connection)) {
        constexpr std::string_view kAnswer =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        (void)::send(connection, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL);
        (void)read_call(connection);
      }
      ::close(connection);
    }
  }
  // The bodies of these tests are `{}`.
  bool read_call(int connection) {
    std::string text;
    while (!text.ends_with("\r\n\r\n{}")) {
      char block[4096];
      const ssize_t count = ::recv(connection, block, sizeof block, 0);
      if (count <= 0) {
        return false;
      }
      text.append(block, static_cast<std::size_t>(count));
    }
    ++calls_;
    return true;
  }

  int listening_;
  std::uint16_t port_ = 0;
  std::atomic<int> calls_{0};
  std::thread thread_;
};

class HttpPeersTest : public ::testing::Test {
 protected:
  HttpPeersTest() {
    auto config = std::make_shared<testing::MapConfig>();
    config->set("instance_map", {{"w1", {{"host", "127.0.0.1"}, {"port", other_.port()}}}})
        .set("worker_replication_secret", "secret");
    server_ = std::make_unique<testing::TestServer>(runtime_, "master", config);
    peers_ = std::make_unique<HttpPeers>(*server_);
  }
  ~HttpPeersTest() override {
    run_blocking(runtime_, "stop", peers_->stop());
    runtime_.stop();
  }

  /// The status of the answer.
  int call(stream::Repeat repeat) {
    int status = 0;
    run_blocking(runtime_, "call", call_into(repeat, status));
    return status;
  }
  Task<void> call_into(stream::Repeat repeat, int& status) {
    try {
      nlohmann::json body = nlohmann::json::object();
      (void)co_await peers_->call("w1", "/_lares/replication/v1/test", std::move(body), repeat);
      status = 200;
    } catch (const http::MatrixError& error) {
      status = error.status();
    }
  }

  BreakingProcess other_;
  RealRuntime runtime_{{.threads = 1}};
  std::unique_ptr<testing::TestServer> server_;
  std::unique_ptr<HttpPeers> peers_;
};

TEST_F(HttpPeersTest, WhatMayBeDoneOnceAloneIsNotSentAgainWhereAKeptConnectionBreaks) {
  EXPECT_EQ(call(stream::Repeat::kNever), 200);
  EXPECT_EQ(call(stream::Repeat::kNever), 503);
  EXPECT_EQ(other_.calls(), 2);
}

TEST_F(HttpPeersTest, WhatMayBeDoneTwiceIsSentAgain) {
  EXPECT_EQ(call(stream::Repeat::kFreely), 200);
  EXPECT_EQ(call(stream::Repeat::kFreely), 200);
  EXPECT_EQ(other_.calls(), 3);
}

}  // namespace
}  // namespace lares::hub
