// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task_group.hpp>
#include <lares/stream/transport.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "virtual_runtime.hpp"

namespace lares::sim {

class FaultyNetwork;

/// One process's connection to the others: see stream::Transport.
class FaultyTransport final : public stream::Transport {
 public:
  FaultyTransport(VirtualRuntime& runtime, FaultyNetwork& network);
  ~FaultyTransport() override;

  [[nodiscard]] std::string_view name() const noexcept override { return "local"; }
  [[nodiscard]] bool active() const noexcept override { return true; }
  void open(stream::TransportListener& listener) override;
  void publish(std::string line) override;
  Task<void> close() noexcept override;

  /// Loses what is on its way from and to this process, and what is said until the connection is made anew.
  void lose();
  /// As a killed process: nothing goes out or comes in any more.
  void cut();

 private:
  friend class FaultyNetwork;
  struct Message {
    std::string line;
    FaultyTransport* to = nullptr;
    std::uint64_t from_connection = 0;
    std::uint64_t to_connection = 0;
    SteadyTime arrives{};
  };

  Task<void> deliver(Message message);
  Task<void> connect();
  Task<void> come_back();

  VirtualRuntime& at_;
  FaultyNetwork& network_;
  stream::TransportListener* listener_ = nullptr;
  std::uint64_t connection_ = 0;  // 0 for none
  std::uint64_t connections_ = 0;
  bool told_ = false;  // the listener believes that there is a connection
  bool cut_ = false;
  bool returning_ = false;
  std::map<FaultyTransport*, SteadyTime> busy_until_;  // keeps the order to each
  TaskGroup tasks_;
};

/// Carries commands between processes: those of one process to another in order, those of different ones in
/// any, each after a while.
class FaultyNetwork {
 public:
  [[nodiscard]] const std::vector<FaultyTransport*>& all() const noexcept { return all_; }

 private:
  friend class FaultyTransport;
  std::vector<FaultyTransport*> all_;
};

}  // namespace lares::sim
