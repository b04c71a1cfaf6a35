// SPDX-License-Identifier: Apache-2.0
#include "local_transport.hpp"

#include <lares_test/test_server.hpp>

#include <lares/async/event.hpp>
#include <lares/async/real_runtime.hpp>

#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace lares::local {
namespace {

using lares::testing::TestServer;

class Recorder final : public stream::TransportListener {
 public:
  explicit Recorder(Runtime& runtime) : runtime_(runtime) {}
  void transport_connected() override { note("+"); }
  void transport_disconnected() override { note("-"); }
  void received(std::string line) override {
    EXPECT_TRUE(runtime_.loop(0).is_current());
    note(std::move(line));
  }
  std::vector<std::string> until(std::size_t count) {
    return run_blocking(runtime_, "test",
                        [](Recorder& self, std::size_t wanted) -> Task<std::vector<std::string>> {
                          for (;;) {
                            const std::uint64_t seen = self.changed_.version();
                            {
                              const std::lock_guard lock{self.mutex_};
                              if (self.lines_.size() >= wanted) {
                                co_return self.lines_;
                              }
                            }
                            co_await self.changed_.wait_beyond(seen, SteadyTime::max());
                          }
                        }(*this, count));
  }

 private:
  void note(std::string line) {
    {
      const std::lock_guard lock{mutex_};
      lines_.push_back(std::move(line));
    }
    changed_.notify();
  }
  Runtime& runtime_;
  std::mutex mutex_;
  std::vector<std::string> lines_;
  Notification changed_;
};

struct Member {
  Member(Runtime& runtime, LocalExchange& exchange, const std::string& name)
      : at(runtime), server(runtime, name), transport(server, exchange), recorder(runtime) {
    run_blocking(at, "open", [](Member& self) -> Task<void> {
      self.transport.open(self.recorder);
      co_return;
    }(*this));
    recorder.until(1);
  }
  ~Member() { run_blocking(at, "close", transport.close()); }
  Runtime& at;
  TestServer server;
  LocalTransport transport;
  Recorder recorder;
};

TEST(LocalTransport, GivesEveryOtherServerEverythingInOrder) {
  RealRuntime runtime{{.threads = 3}};
  LocalExchange exchange{runtime};
  Member first{runtime, exchange, "w1"};
  Member second{runtime, exchange, "w2"};
  Member third{runtime, exchange, "w3"};
  constexpr std::size_t kLines = 2000;
  {
    std::jthread other{[&] {
      for (std::size_t i = 0; i < kLines; ++i) {
        second.transport.publish("b" + std::to_string(i));
      }
    }};
    for (std::size_t i = 0; i < kLines; ++i) {
      first.transport.publish("a" + std::to_string(i));
    }
  }
  const std::vector<std::string> lines = third.recorder.until(1 + 2 * kLines);
  std::size_t a = 0;
  std::size_t b = 0;
  for (const std::string& line : lines) {
    if (line != "+") {
      EXPECT_EQ(line, line[0] == 'a' ? "a" + std::to_string(a++) : "b" + std::to_string(b++));
    }
  }
  EXPECT_EQ(lines.size(), 1 + 2 * kLines);
  EXPECT_EQ(first.recorder.until(1 + kLines).size(), 1 + kLines);
}

TEST(LocalTransport, HearsNothingBeforeItIsConnectedAndAfterItIsClosed) {
  RealRuntime runtime;
  LocalExchange exchange{runtime};
  Member first{runtime, exchange, "w1"};
  TestServer server{runtime, "w2"};
  LocalTransport unopened{server, exchange};
  unopened.publish("nobody hears this");
  {
    Member second{runtime, exchange, "w3"};
    second.transport.publish("hello");
    EXPECT_EQ(first.recorder.until(2), (std::vector<std::string>{"+", "hello"}));
  }
  first.transport.publish("to nobody");
}

}  // namespace
}  // namespace lares::local
