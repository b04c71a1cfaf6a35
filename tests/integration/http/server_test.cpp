// SPDX-License-Identifier: Apache-2.0
// The HTTP server on real sockets.
#include "running_server.hpp"
#include "test_socket.hpp"

#include <http/sockets.hpp>

#include <lares/base/error.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <future>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

/// A path whose removal is watched, and whether somebody listened on it then.
std::atomic<const std::string*> watched{nullptr};
std::atomic<bool> listened{false};

}  // namespace

/// In the place of the C library's, for the whole test.
extern "C" int unlink(const char* name) noexcept {
  if (const std::string* path = watched.load(); path != nullptr && *path == name) {
    listened = lares::http::holder_of(*path).has_value();
  }
  return ::unlinkat(AT_FDCWD, name, 0);
}

namespace lares::http::test {
namespace {

constexpr std::string_view kHello = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";

bool ok(const std::string& response) {
  return response.starts_with("HTTP/1.1 200 ") && response.ends_with(R"({"hello":1})");
}

TEST(HttpServerTest, ServesOnceReadyAndNotBefore) {
  RunningServer server;
  server.start();
  TestSocket early = TestSocket::tcp(server.port());
  early.send(kHello);
  auto response = std::async(std::launch::async, [&] { return early.response(); });
  EXPECT_EQ(response.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  server.ready();
  EXPECT_TRUE(ok(response.get()));
}

TEST(HttpServerTest, KeepsAndPipelines) {
  RunningServer server;
  server.begin();
  std::vector<TestSocket> sockets;
  for (int at = 0; at < 8; ++at) {
    sockets.push_back(TestSocket::tcp(server.port()));
  }
  std::string many;
  for (int at = 0; at < 500; ++at) {
    many += kHello;
  }
  for (TestSocket& socket : sockets) {
    socket.send(many);
  }
  for (TestSocket& socket : sockets) {
    for (int at = 0; at < 500; ++at) {
      ASSERT_TRUE(ok(socket.response())) << at;
    }
  }
}

TEST(HttpServerTest, SendsLargeResponsesToSlowReaders) {
  RunningServer server;
  server.begin();
  TestSocket socket = TestSocket::tcp(server.port());
  socket.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n" + std::string(kHello));
  EXPECT_GT(socket.response().size(), 8'000'000U);
  EXPECT_TRUE(ok(socket.response()));
}

TEST(HttpServerTest, ListensOnUnixSockets) {
  const TemporaryFolder folder;
  const std::string path = folder / "lares.sock";
  {
    RunningServer first;
    first.listeners().push_back({{"path", path}, {"mode", 0600}, {"resources", {{{"names", {"client"}}}}}});
    first.begin();
    struct stat status{};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    TestSocket socket = TestSocket::unix_path(path);
    socket.send(kHello);
    EXPECT_TRUE(ok(socket.response()));

    RunningServer second;
    second.listeners().push_back({{"path", path}, {"resources", {{{"names", {"client"}}}}}});
    try {
      second.start();
      ADD_FAILURE() << "two servers on one socket";
    } catch (const StartError& error) {
      EXPECT_NE(std::string(error.what()).find(path), std::string::npos);
    }
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(HttpServerTest, RemovesTheFileOfAUnixSocketWhileItStillListens) {
  const TemporaryFolder folder;
  const std::string path = folder / "lares.sock";
  RunningServer server;
  server.listeners().push_back({{"path", path}, {"resources", {{{"names", {"client"}}}}}});
  server.begin();
  watched = &path;
  server.stop();
  watched = nullptr;
  EXPECT_TRUE(listened);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(HttpServerTest, RefusesAPortThatIsTaken) {
  RunningServer first;
  first.begin();
  RunningServer second;
  second.listeners()[0]["port"] = first.port();
  try {
    second.start();
    ADD_FAILURE() << "two servers on one port";
  } catch (const StartError& error) {
    EXPECT_NE(std::string(error.what()).find(std::to_string(first.port())), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("listeners[0]"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("End what listens there"), std::string::npos);
  }
}

TEST(HttpServerTest, ReloadsCertificatesWithoutDroppingConnections) {
  const TemporaryFolder folder;
  const std::string certificate = folder / "cert.pem";
  const std::string key = folder / "key.pem";
  write_certificate("first.example", certificate, key);
  RunningServer server;
  server.listeners().push_back({{"port", 0},
                                {"bind_addresses", {"127.0.0.1"}},
                                {"tls", true},
                                {"tls_certificate_path", certificate},
                                {"tls_private_key_path", key},
                                {"resources", {{{"names", {"client"}}}}}});
  server.begin();
  TestSocket old = TestSocket::tcp(server.port(1));
  old.start_tls();
  EXPECT_EQ(old.certificate_name(), "first.example");
  old.send(kHello);
  EXPECT_TRUE(ok(old.response()));
  EXPECT_TRUE(server.reload().changed.empty());

  write_certificate("second.example", certificate, key);
  const ReloadReport report = server.reload();
  ASSERT_EQ(report.changed.size(), 1U);
  EXPECT_NE(report.changed[0].find(certificate), std::string::npos);
  old.send(kHello);
  EXPECT_TRUE(ok(old.response()));
  TestSocket fresh = TestSocket::tcp(server.port(1));
  fresh.start_tls();
  EXPECT_EQ(fresh.certificate_name(), "second.example");

  std::ofstream(certificate) << "no certificate";
  ASSERT_EQ(server.reload().refused.size(), 1U);
  TestSocket still = TestSocket::tcp(server.port(1));
  still.start_tls();
  EXPECT_EQ(still.certificate_name(), "second.example");
  still.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n" + std::string(kHello) + std::string(kHello));
  EXPECT_GT(still.response().size(), 8'000'000U);
  EXPECT_TRUE(ok(still.response()));
  EXPECT_TRUE(ok(still.response()));

  // Plain HTTP on a TLS port, and a handshake that is cut short, cost this connection alone.
  TestSocket plain = TestSocket::tcp(server.port(1));
  plain.send(kHello);
  plain.rest();
  old.send(kHello);
  EXPECT_TRUE(ok(old.response()));
}

TEST(HttpServerTest, TakesUpACertificateThatTheConfigurationHasElsewhereNow) {
  const TemporaryFolder folder;
  write_certificate("first.example", folder / "cert.pem", folder / "key.pem");
  write_certificate("second.example", folder / "cert2.pem", folder / "key2.pem");
  RunningServer server;
  auto& config = server.server().test_config();
  config.set("tls_certificate_path", folder / "cert.pem").set("tls_private_key_path", folder / "key.pem");
  server.listeners()[0]["tls"] = true;
  server.begin();
  const auto served = [&server] {
    TestSocket socket = TestSocket::tcp(server.port());
    socket.start_tls();
    return socket.certificate_name();
  };
  EXPECT_EQ(served(), "first.example");

  // Half of the change is none: the key is not that of the certificate.
  config.set("tls_certificate_path", folder / "cert2.pem");
  const ReloadReport half = server.reload();
  EXPECT_TRUE(half.changed.empty());
  ASSERT_EQ(half.refused.size(), 1U);
  EXPECT_TRUE(half.refused[0].starts_with("tls_certificate_path: ")) << half.refused[0];
  EXPECT_EQ(served(), "first.example");

  config.set("tls_private_key_path", folder / "key2.pem");
  const ReloadReport whole = server.reload();
  EXPECT_TRUE(whole.refused.empty());
  EXPECT_EQ(whole.changed, std::vector<std::string>{"listeners[0]: certificate " + (folder / "cert2.pem")});
  EXPECT_EQ(served(), "second.example");

  config.set("tls_certificate_path", "");
  const ReloadReport none = server.reload();
  ASSERT_EQ(none.refused.size(), 1U);
  EXPECT_NE(none.refused[0].find("must be set"), std::string::npos) << none.refused[0];
  EXPECT_EQ(served(), "second.example");
}

TEST(HttpServerTest, NamesAMissingCertificate) {
  RunningServer server;
  server.listeners()[0]["tls"] = true;
  server.listeners()[0]["tls_certificate_path"] = "/nowhere/cert.pem";
  server.listeners()[0]["tls_private_key_path"] = "/nowhere/key.pem";
  try {
    server.start();
    ADD_FAILURE();
  } catch (const StartError& error) {
    EXPECT_NE(std::string(error.what()).find("/nowhere/cert.pem"), std::string::npos);
  }
}

TEST(HttpServerTest, RefusesAKeyThatEveryoneCanRead) {
  const TemporaryFolder folder;
  const std::string key = folder / "key.pem";
  write_certificate("first.example", folder / "cert.pem", key);
  std::filesystem::permissions(key, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
  RunningServer server;
  server.listeners()[0]["tls"] = true;
  server.listeners()[0]["tls_certificate_path"] = folder / "cert.pem";
  server.listeners()[0]["tls_private_key_path"] = key;
  try {
    server.start();
    ADD_FAILURE();
  } catch (const StartError& error) {
    EXPECT_NE(std::string(error.what()).find("chmod o= " + key), std::string::npos) << error.what();
  }
}

TEST(HttpServerTest, LogsEachRequestInOneLine) {
  LogLines lines;
  RunningServer server;
  server.begin();
  TestSocket socket = TestSocket::tcp(server.port());
  socket.send("GET /whoami?access_token=token HTTP/1.1\r\nHost: x\r\nUser-Agent: test/1\r\n\r\n");
  socket.response();
  const std::string line = lines.wait_for("Processed request");
  EXPECT_NE(line.find("127.0.0.1 - 0 - {@user:example.org} Processed request:"), std::string::npos) << line;
  EXPECT_NE(line.find("200 \"GET /whoami?access_token=<redacted> HTTP/1.1\" \"test/1\""), std::string::npos)
      << line;
  EXPECT_NE(line.find("GET-"), std::string::npos) << line;
}

TEST(HttpServerTest, MarksClientsThatVanish) {
  LogLines lines;
  RunningServer server;
  server.begin();
  TestSocket poll = TestSocket::tcp(server.port());
  poll.send("GET /poll HTTP/1.1\r\nHost: x\r\n\r\n");
  TestSocket firm = TestSocket::tcp(server.port());
  firm.send("GET /firm HTTP/1.1\r\nHost: x\r\n\r\n");
  server.wait_for_polls(2);
  poll.reset();
  EXPECT_NE(lines.wait_for("GET /poll").find(" 499! "), std::string::npos);
  firm.reset();
  server.release.set();
  EXPECT_NE(lines.wait_for("GET /firm").find(" 200! "), std::string::npos);
}

TEST(HttpServerTest, AnswersSlowHeadersWith408) {
  RunningServer server;
  server.server().test_config().set("http.header_timeout", 300);
  server.begin();
  TestSocket slow = TestSocket::tcp(server.port());
  slow.send("GET /hello HTTP/1.1\r\nHo");
  EXPECT_TRUE(slow.rest().starts_with("HTTP/1.1 408 "));
  TestSocket silent = TestSocket::tcp(server.port());
  EXPECT_EQ(silent.rest(), "");
}

TEST(HttpServerTest, RefusesTooManyConnections) {
  RunningServer server;
  server.server().test_config().set("http.max_connections", 2);
  server.begin();
  TestSocket first = TestSocket::tcp(server.port());
  TestSocket second = TestSocket::tcp(server.port());
  first.send(kHello);
  EXPECT_TRUE(ok(first.response()));
  second.send(kHello);
  EXPECT_TRUE(ok(second.response()));
  TestSocket third = TestSocket::tcp(server.port());
  EXPECT_EQ(third.rest(), "");
  server.server().test_config().set("http.max_connections", 3);
  server.reload();
  TestSocket fourth = TestSocket::tcp(server.port());
  fourth.send(kHello);
  EXPECT_TRUE(ok(fourth.response()));
}

TEST(HttpServerTest, DrainsWithoutLosingWhatIsInFlight) {
  RunningServer server;
  server.begin();
  TestSocket idle = TestSocket::tcp(server.port());
  idle.send(kHello);
  EXPECT_TRUE(ok(idle.response()));
  TestSocket busy = TestSocket::tcp(server.port());
  busy.send("GET /poll HTTP/1.1\r\nHost: x\r\n\r\n");
  server.wait_for_polls(1);
  const std::uint16_t port = server.port();
  auto drained = std::async(std::launch::async, [&] {
    server.run(
        [](HttpServer& http) -> Task<void> { co_await http.drain(std::chrono::milliseconds(10'000)); });
  });
  EXPECT_EQ(idle.rest(), "");
  EXPECT_FALSE(TestSocket::tcp(port).connected());
  server.release.set();
  const std::string response = busy.response();
  EXPECT_TRUE(response.starts_with("HTTP/1.1 200 "));
  EXPECT_NE(response.find("Connection: close\r\n"), std::string::npos);
  drained.get();
}

TEST(HttpServerTest, CancelsWhatIsInFlightAtTheDeadline) {
  RunningServer server;
  server.begin();
  TestSocket busy = TestSocket::tcp(server.port());
  busy.send("GET /poll HTTP/1.1\r\nHost: x\r\n\r\n");
  server.wait_for_polls(1);
  server.run([](HttpServer& http) -> Task<void> { co_await http.drain(std::chrono::milliseconds(20)); });
  EXPECT_EQ(busy.rest(), "");
}

TEST(HttpServerTest, ExposesMetricsAndHealth) {
  RunningServer server;
  server.begin();
  TestSocket socket = TestSocket::tcp(server.port());
  socket.send(kHello);
  socket.response();
  socket.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(socket.response().ends_with("\r\n\r\nOK"));
  socket.send("GET /_synapse/metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string text = socket.response();
  EXPECT_NE(
      text.find(
          R"(synapse_http_server_requests_received_total{server_name="example.org",method="GET",servlet="Hello"} 1)"),
      std::string::npos);
  EXPECT_NE(text.find("lares_http_connections 1"), std::string::npos);
}

}  // namespace
}  // namespace lares::http::test
