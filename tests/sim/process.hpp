// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <streams/hub/hub_impl.hpp>

#include <lares/plugin/server.hpp>
#include <lares/stream/peers.hpp>

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <string>
#include <string_view>

#include "faulty_database.hpp"
#include "faulty_network.hpp"

namespace lares::sim {

class Process;

/// Where processes find each other, and what they report.
class Town {
 public:
  virtual ~Town() = default;
  /// Null while there is none that answers.
  virtual Process* find(std::string_view instance) = 0;
  virtual void fault(std::string sentence) = 0;
};

/// Calls between the processes of the simulation.
class TownPeers final : public stream::Peers {
 public:
  TownPeers(VirtualRuntime& runtime, Town& town, Process& self) : at_(runtime), town_(town), self_(self) {}
  Task<nlohmann::json> call(std::string instance, std::string path, nlohmann::json body,
                            stream::Repeat repeat) override;

 private:
  VirtualRuntime& at_;
  Town& town_;
  Process& self_;
};

/// A process of the server: its hub, and its ways to the others and to the database. Killed, it does nothing
/// that others could see; what it had handed to the database may still be committed.
class Process {
 public:
  struct Parts {
    VirtualRuntime& runtime;
    Town& town;
    FaultyNetwork& network;
    storage::Database& database;
    Fuse& fuse;
    HeldTransactions& held;
    FaultyDatabase::Faults faults;
  };

  Process(const Parts& parts, std::unique_ptr<Server> server);
  virtual ~Process();

  virtual Task<void> start() = 0;
  virtual void kill();
  /// Ends what a killed one still has under way.
  virtual Task<void> end() = 0;
  /// From now on nothing fails.
  virtual void faultless() { database_.faultless(); }

  [[nodiscard]] const std::string& instance() const noexcept { return server_->instance(); }
  [[nodiscard]] bool alive() const noexcept { return alive_; }
  /// Whether it lives and has started.
  [[nodiscard]] bool ready() const noexcept { return alive_ && started_; }
  [[nodiscard]] hub::HubImpl& hub() noexcept { return hub_; }
  [[nodiscard]] FaultyDatabase& database() noexcept { return database_; }
  [[nodiscard]] FaultyTransport& transport() noexcept { return transport_; }

  /// What another process asks.
  Task<nlohmann::json> answer(std::string path, nlohmann::json body);

 protected:
  void started() noexcept { started_ = true; }
  /// The last steps of `end`.
  Task<void> leave();

  VirtualRuntime& at_;
  Town& town_;
  std::unique_ptr<Server> server_;
  FaultyDatabase database_;
  FaultyTransport transport_;
  TownPeers peers_;
  hub::HubImpl hub_;

 private:
  bool alive_ = true;
  bool started_ = false;
};

}  // namespace lares::sim
