// SPDX-License-Identifier: Apache-2.0
#include <lares_test/test_server.hpp>

#include <lares/async/event.hpp>
#include <lares/async/real_runtime.hpp>
#include <lares/async/task_group.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "replication_client.hpp"
#include "replication_server.hpp"

namespace lares::tcp {
namespace {

using namespace std::chrono_literals;
using lares::testing::MapConfig;
using lares::testing::TestServer;

/// In place of the hub: keeps what came, and announces itself as the hub does.
class Recorder final : public stream::TransportListener {
 public:
  Recorder(Runtime& runtime, std::string instance) : runtime_(runtime), instance_(std::move(instance)) {}

  stream::Transport* transport = nullptr;

  void transport_connected() override {
    note("+");
    transport->publish("REPLICATE");
    announce();
  }
  void transport_disconnected() override { note("-"); }
  void received(std::string line) override {
    if (line.starts_with("REPLICATE")) {
      announce();
    }
    note(std::move(line));
  }

  /// Waits until a line that begins so has come; gives it.
  std::string until(std::string prefix, std::size_t times = 1) {
    return run_blocking(runtime_, "test", find(std::move(prefix), times));
  }
  std::vector<std::string> all() {
    const std::lock_guard lock{mutex_};
    return lines_;
  }

 private:
  void announce() { transport->publish("POSITION events " + instance_ + " 1 1"); }
  void note(std::string line) {
    {
      const std::lock_guard lock{mutex_};
      lines_.push_back(std::move(line));
    }
    changed_.notify();
  }
  Task<std::string> find(std::string prefix, std::size_t times) {
    const SteadyTime deadline = runtime_.steady_now() + 20s;
    for (;;) {
      const std::uint64_t seen = changed_.version();
      std::size_t count = 0;
      for (const std::string& line : all()) {
        if (line.starts_with(prefix) && ++count == times) {
          co_return line;
        }
      }
      if (co_await changed_.wait_beyond(seen, deadline) == Wake::kTimeout) {
        ADD_FAILURE() << "\"" << prefix << "\" did not come " << times << " times";
        co_return "";
      }
    }
  }

  Runtime& runtime_;
  std::string instance_;
  std::mutex mutex_;
  std::vector<std::string> lines_;
  Notification changed_;
};

/// A terminal: what nc(1) is.
class Terminal {
 public:
  explicit Terminal(std::uint16_t port) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() { ::close(socket_); }

  void type(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return;
      }
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  /// The next line that is no PING; "" at the end.
  std::string line() {
    for (;;) {
      const std::size_t end = buffer_.find('\n');
      if (end != std::string::npos) {
        std::string found = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        if (!found.starts_with("PING")) {
          return found;
        }
        continue;
      }
      pollfd ready{socket_, POLLIN, 0};
      if (::poll(&ready, 1, 20'000) <= 0) {
        ADD_FAILURE() << "nothing came";
        return "";
      }
      char chunk[65536];
      const ssize_t count = ::recv(socket_, chunk, sizeof chunk, 0);
      if (count <= 0) {
        return "";
      }
      buffer_.append(chunk, static_cast<std::size_t>(count));
    }
  }
  /// The last line before the end.
  std::string last() {
    std::string found;
    for (std::string next = line(); !next.empty(); next = line()) {
      found = std::move(next);
    }
    return found;
  }

 private:
  int socket_ = -1;
  std::string buffer_;
};

template <class Transport>
struct Process {
  Process(Runtime& runtime, const std::string& instance, std::shared_ptr<MapConfig> config)
      : at(runtime),
        server(runtime, instance, std::move(config)),
        transport(server),
        recorder(runtime, instance) {
    recorder.transport = &transport;
  }
  ~Process() { stop(); }
  void start() {
    EXPECT_TRUE(transport.active());
    run_blocking(at, "open", [](Process& self) -> Task<void> {
      self.transport.open(self.recorder);
      co_return;
    }(*this));
    running = true;
  }
  void stop() {
    if (std::exchange(running, false)) {
      run_blocking(at, "close", transport.close());
    }
  }

  Runtime& at;
  TestServer server;
  Transport transport;
  Recorder recorder;
  bool running = false;
};

using Main = Process<ReplicationServer>;
using Worker = Process<ReplicationClient>;

class TcpTransport : public ::testing::Test {
 protected:
  TcpTransport() {
    set_context_misuse_handler([](std::string_view sentence) { ADD_FAILURE() << sentence; });
    start_main(0);
  }
  ~TcpTransport() override {
    main_.reset();
    set_context_misuse_handler(nullptr);
  }

  void start_main(std::uint16_t port) {
    auto config = std::make_shared<MapConfig>();
    config->set("listeners", {{{"type", "http"}, {"port", 0}},
                              {{"type", "replication"}, {"port", port}, {"bind_addresses", {"127.0.0.1"}}}});
    main_ = std::make_unique<Main>(runtime_, "master", config);
    main_->start();
    port_ = main_->transport.ports().at(0);
  }
  std::unique_ptr<Worker> worker(const std::string& name) {
    auto config = std::make_shared<MapConfig>();
    config->set("worker_replication_port", port_);
    auto worker = std::make_unique<Worker>(runtime_, name, config);
    worker->start();
    return worker;
  }

  RealRuntime runtime_{{.threads = 2}};
  std::unique_ptr<Main> main_;
  std::uint16_t port_ = 0;
};

TEST_F(TcpTransport, ShowsPositionsAndThenRowsToATerminalThatTypesReplicate) {
  Terminal terminal{port_};
  EXPECT_EQ(terminal.line(), "SERVER example.org");
  terminal.type("\r\n\nREPLICATE\n");
  EXPECT_EQ(terminal.line(), "POSITION events master 1 1");
  main_->transport.publish("RDATA events master 2 [\"ev\"]");
  EXPECT_EQ(terminal.line(), "RDATA events master 2 [\"ev\"]");
}

TEST_F(TcpTransport, SaysNothingButItsNameBeforeReplicate) {
  Terminal terminal{port_};
  Terminal other{port_};
  other.type("REPLICATE\n");
  EXPECT_EQ(other.line(), "SERVER example.org");
  EXPECT_EQ(other.line(), "POSITION events master 1 1");
  main_->transport.publish("RDATA events master 2 [1]");
  EXPECT_EQ(other.line(), "RDATA events master 2 [1]");
  EXPECT_EQ(terminal.line(), "SERVER example.org");
  terminal.type("REPLICATE\n");
  EXPECT_EQ(terminal.line(), "POSITION events master 1 1");
}

TEST_F(TcpTransport, PassesOnWhatAWorkerPublishesToTheOthersInOrder) {
  const auto first = worker("w1");
  const auto second = worker("w2");
  first->recorder.until("POSITION events w2");
  second->recorder.until("POSITION events w1");
  for (int i = 2; i < 2002; ++i) {
    first->transport.publish("RDATA events w1 " + std::to_string(i) + " [1]");
  }
  for (Recorder* recorder : {&main_->recorder, &second->recorder}) {
    recorder->until("RDATA events w1 2001 ");
    int next = 2;
    for (const std::string& line : recorder->all()) {
      if (line.starts_with("RDATA")) {
        EXPECT_EQ(line, "RDATA events w1 " + std::to_string(next++) + " [1]");
      }
    }
    EXPECT_EQ(next, 2002);
  }
  for (const std::string& line : first->recorder.all()) {
    EXPECT_FALSE(line.starts_with("RDATA")) << line;
  }
}

TEST_F(TcpTransport, ComesBackAndAnnouncesItselfFirstAfterTheMainProcessWasAway) {
  const auto first = worker("w1");
  main_->recorder.until("POSITION events w1");
  main_->stop();
  first->recorder.until("-");
  first->transport.publish("RDATA events w1 2 [1]");
  start_main(port_);
  first->recorder.until("+", 2);
  first->transport.publish("RDATA events w1 3 [1]");
  main_->recorder.until("RDATA events w1 3");
  const std::vector<std::string> heard = main_->recorder.all();
  EXPECT_EQ(heard,
            (std::vector<std::string>{"+", "REPLICATE", "POSITION events w1 1 1", "RDATA events w1 3 [1]"}));
}

TEST_F(TcpTransport, TellsAnErrorToHostileLinesAndLivesOn) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"GET / HTTP/1.1\r\nHost: x\r\n\r\nNAME w1\nRDATA events w1 2 [1]\n",
       "ERROR before this command comes NAME"},
      {"RDATA events w1 2 [1]\n", "ERROR before this command comes NAME"},
      {"NAME w1\nRDATA events w1 x [1]\n",
       "ERROR RDATA has neither a number nor 'batch' as its token: RDATA events w1 x [1]"},
      {"NAME w1\nRDATA events w2 2 [1]\n", "ERROR w1 cannot speak for w2"},
      {"NAME w1\nPOSITION events master 1 2\n", "ERROR w1 cannot speak for master"},
      {"NAME master\n", "ERROR this is the name of the main process"},
      {"NAME\n", "ERROR NAME is followed by the process's name"},
      {"NAME a\nNAME b\n", "ERROR NAME was said already"},
      {"SERVER example.org\n", "ERROR invalid command for direction: SERVER"},
      {std::string(3U << 20U, 'x'), "ERROR Line length exceeded"},
      {std::string(3U << 20U, 'x') + "\n", "ERROR Line length exceeded"},
      {"ERROR I am done\n", "SERVER example.org"},
      {"NAME w1\nNEWS \xff\n", "ERROR The command is not UTF-8."},
      {"NAME w\x01\n", "ERROR The command has a control character."},
      {"NAME w1\nNEWS \x1b[2J\n", "ERROR The command has a control character."},
      {"ERROR \x1b[2J\n", "ERROR The command has a control character."},
      {"NEWS\n", "ERROR before this command comes NAME"},
  };
  for (const auto& [typed, answer] : cases) {
    Terminal terminal{port_};
    terminal.type(typed);
    EXPECT_EQ(terminal.last(), answer) << typed.substr(0, 60);
  }
  EXPECT_EQ(main_->recorder.all(), std::vector<std::string>{"+"});
  const auto first = worker("w1");
  main_->recorder.until("POSITION events w1");
}

TEST_F(TcpTransport, SaysWhatOnlyLaresKnowsToWhomHasGivenItsSignAlone) {
  const auto first = worker("w1");
  main_->recorder.until("POSITION events w1");
  Terminal stranger{port_};
  stranger.type("PING 1\nREPLICATE\n");
  Terminal ours{port_};
  ours.type("PING 1 lares\nREPLICATE\n");
  for (Terminal* terminal : {&stranger, &ours}) {
    EXPECT_EQ(terminal->line(), "SERVER example.org");
    EXPECT_EQ(terminal->line(), "POSITION events master 1 1");
  }
  for (const char* line : {"WRITERS events master 7", "REPLICATE", "RDATA events master 2 [1]"}) {
    main_->transport.publish(line);
  }
  first->recorder.until("WRITERS events master 7");
  first->recorder.until("RDATA events master 2 [1]");
  const auto rest = [](Terminal& terminal) {
    std::vector<std::string> lines;
    do {
      lines.push_back(terminal.line());
    } while (!lines.back().empty() && !lines.back().starts_with("RDATA"));
    return lines;
  };
  // The worker's answers to REPLICATE are for all as well.
  std::vector<std::string> heard = rest(stranger);
  EXPECT_TRUE(std::ranges::all_of(heard, [](const std::string& line) {
    return line.starts_with("POSITION ") || line.starts_with("RDATA ");
  }));
  heard = rest(ours);
  EXPECT_EQ(std::ranges::count(heard, "WRITERS events master 7"), 1);
}

TEST_F(TcpTransport, TakesWhatSpeaksForNoProcessWithoutAName) {
  Terminal terminal{port_};
  terminal.type("USER_SYNC w1 @a:example.org None start 5\nREMOTE_SERVER_UP other.org\n");
  main_->recorder.until("USER_SYNC w1");
  main_->recorder.until("REMOTE_SERVER_UP other.org");
}

TEST_F(TcpTransport, EndsTheFormerConnectionOfTheSameName) {
  Terminal former{port_};
  former.type("NAME w1\nREPLICATE\n");
  EXPECT_EQ(former.line(), "SERVER example.org");
  EXPECT_EQ(former.line(), "POSITION events master 1 1");
  Terminal latter{port_};
  latter.type("NAME w1\nREPLICATE\n");
  EXPECT_EQ(former.last(), "ERROR another connection has this name");
}

TEST_F(TcpTransport, TellsWhoReadsTooSlowlyAndCloses) {
  Terminal terminal{port_};
  terminal.type("REPLICATE\n");
  EXPECT_EQ(terminal.line(), "SERVER example.org");
  EXPECT_EQ(terminal.line(), "POSITION events master 1 1");
  const std::string row(4096, 'x');
  const SteadyTime end = runtime_.steady_now() + 20s;
  // What the system's buffers hold does not wait here.
  for (int i = 2;
       main_->transport.queued_bytes() < row.size() * (Link::kMostQueued - 10) && runtime_.steady_now() < end;
       ++i) {
    main_->transport.publish("RDATA events master " + std::to_string(i) + " " + row);
  }
  for (int i = 0; i < 200; ++i) {
    main_->transport.publish("RDATA events master 9 " + row);
  }
  EXPECT_EQ(terminal.last(), "ERROR Failed to keep up");
}

TEST_F(TcpTransport, AWorkerDoesNotTalkToAnotherServersMainProcess) {
  RealRuntime runtime;
  const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listening, 8), 0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::getsockname(listening, reinterpret_cast<sockaddr*>(&address), &size), 0);
  auto config = std::make_shared<MapConfig>();
  config->set("worker_replication_port", ntohs(address.sin_port));
  Worker worker{runtime, "w1", config};
  worker.start();
  const int accepted = ::accept(listening, nullptr, nullptr);
  ASSERT_GE(accepted, 0);
  ASSERT_GT(::send(accepted, "SERVER other.org\n", 17, MSG_NOSIGNAL), 0);
  char said[100] = {};
  ASSERT_GT(::recv(accepted, said, sizeof said - 1, 0), 0);
  EXPECT_STREQ(said, "ERROR Wrong remote\n");
  EXPECT_TRUE(worker.recorder.all().empty());
  ::close(accepted);
  ::close(listening);
  worker.stop();
}

TEST_F(TcpTransport, WorksOverAUnixSocketThatOnlyTheSameUserMayUse) {
  const std::string folder =
      std::filesystem::temp_directory_path() / ("lares-tcp-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  auto config = std::make_shared<MapConfig>();
  config->set("listeners", {{{"type", "replication"}, {"path", folder + "/s"}, {"mode", 0666}}});
  {
    Main main{runtime_, "master", config};
    main.start();
    struct stat status{};
    ASSERT_EQ(::stat((folder + "/s").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    auto worker_config = std::make_shared<MapConfig>();
    worker_config->set("worker_replication_host", folder + "/s");
    Worker worker{runtime_, "w1", worker_config};
    worker.start();
    main.recorder.until("POSITION events w1");
  }
  EXPECT_FALSE(std::filesystem::exists(folder + "/s"));
  std::filesystem::remove_all(folder);
}

TEST_F(TcpTransport, IsNotActiveWhereRedisIs) {
  auto config = std::make_shared<MapConfig>();
  config->set("listeners", {{{"type", "replication"}, {"port", 0}}}).set("redis.enabled", true);
  TestServer server{runtime_, "master", config};
  EXPECT_FALSE(ReplicationServer{server}.active());
  config->set("worker_replication_port", 9093);
  TestServer other{runtime_, "w1", config};
  EXPECT_FALSE(ReplicationClient{other}.active());
}

}  // namespace
}  // namespace lares::tcp
