// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/runtime.hpp>
#include <lares/async/task.hpp>
#include <lares/plugin/server.hpp>
#include <lares/stream/transport.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lares::local {

class LocalTransport;

/// Where the servers of one process meet: those of one name are given one exchange.
///
/// **Threads**: any. **Lifetime**: may go before its transports.
class LocalExchange {
 public:
  explicit LocalExchange(Runtime& runtime);

 private:
  friend class LocalTransport;

  /// A server that hears the others.
  struct Member {
    explicit Member(Loop& on) noexcept : loop(on) {}
    Loop& loop;
    std::atomic<bool> connected{false};
    stream::TransportListener* listener = nullptr;  // on the member's loop
  };
  struct State {
    explicit State(Loop& on) noexcept : loop(on) {}
    Loop& loop;
    std::vector<std::shared_ptr<Member>> members;  // on the exchange's loop
  };

  std::shared_ptr<State> state_;
};

/// Replication between server objects of one process: loses nothing, and keeps the order of each. See
/// stream::Transport. What is published goes through the exchange's loop to the first loop of each receiver.
///
/// **Threads**: `publish` any, everything else the server's first loop.
class LocalTransport final : public stream::Transport {
 public:
  LocalTransport(Server& server, LocalExchange& exchange);
  ~LocalTransport() override;

  [[nodiscard]] std::string_view name() const noexcept override { return "local"; }
  [[nodiscard]] bool active() const noexcept override { return true; }
  void open(stream::TransportListener& listener) override;
  void publish(std::string line) override;
  /// What was published before reaches the others; nothing is received any more.
  Task<void> close() noexcept override;

 private:
  std::shared_ptr<LocalExchange::State> exchange_;
  std::shared_ptr<LocalExchange::Member> self_;
};

}  // namespace lares::local
