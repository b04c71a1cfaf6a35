// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares_test/test_server.hpp>
#include <streams/hub/hub_impl.hpp>

#include <lares/stream/peers.hpp>
#include <lares/stream/stream_writer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

/// What a client writes.
struct Change {
  std::string key;
  std::int64_t value = 0;
};

[[nodiscard]] storage::Schema rows_schema();

/// The reading side of a stream of the simulation: keeps which rows it was given.
class RowStream final : public stream::Stream {
 public:
  RowStream(VirtualRuntime& runtime, storage::Database& database, stream::StreamNumber number)
      : at_(runtime), database_(database), number_(number) {}

  [[nodiscard]] std::string_view name() const noexcept override { return stream::stream_name(number_); }
  [[nodiscard]] stream::StreamNumber number() const noexcept { return number_; }
  Task<void> apply(stream::WriterNumber writer, std::span<const stream::Row> rows,
                   std::int64_t upto) override;
  void wake(stream::WriterNumber, std::span<const stream::Row>, std::int64_t) override {}
  Task<stream::Updates> updates(stream::WriterNumber writer, std::int64_t from, std::int64_t to,
                                std::size_t limit) override;

  [[nodiscard]] bool applied(std::int64_t position) const { return applied_.contains(position); }
  /// Percent of the calls of `apply` that throw.
  int fails_percent = 0;

 private:
  VirtualRuntime& at_;
  storage::Database& database_;
  const stream::StreamNumber number_;
  std::set<std::int64_t> applied_;
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

/// A process of the server: hub, two streams, and all that is around them. Killed, it does nothing that
/// others could see; what it had handed to the database may still be committed.
class Process {
 public:
  struct Parts {
    VirtualRuntime& runtime;
    Town& town;
    FaultyNetwork& network;
    storage::Database& database;
    FaultyDatabase::Faults faults;
    int apply_fails_percent = 0;
  };

  Process(const Parts& parts, const std::string& instance, std::shared_ptr<const Config> config);
  ~Process();

  Task<void> start();
  void kill();
  /// Ends what a killed one still has under way.
  Task<void> end();

  [[nodiscard]] const std::string& instance() const noexcept { return server_.instance(); }
  [[nodiscard]] bool alive() const noexcept { return alive_; }
  [[nodiscard]] bool ready() const noexcept { return alive_ && started_; }
  [[nodiscard]] hub::HubImpl& hub() noexcept { return hub_; }
  [[nodiscard]] FaultyDatabase& database() noexcept { return database_; }
  [[nodiscard]] FaultyTransport& transport() noexcept { return transport_; }
  [[nodiscard]] const RowStream& stream(std::size_t i) const { return *streams_[i]; }
  /// Where the streams stood when it had started: what came before it was never applied here.
  [[nodiscard]] const stream::Token& started_at() const noexcept { return started_at_; }
  /// Whether a writer is one that this process's `stream_writers` names.
  [[nodiscard]] bool names(std::size_t stream, stream::WriterNumber writer) const {
    return named_[stream].contains(writer);
  }
  void faultless();

  Task<std::int64_t> write(std::size_t stream, Change change);
  Task<nlohmann::json> answer(std::string path, nlohmann::json body);

 private:
  void store(std::size_t stream, storage::WriteTransaction& tx, const Change& change, std::int64_t position);

  VirtualRuntime& at_;
  Town& town_;
  testing::TestServer server_;
  FaultyDatabase database_;
  FaultyTransport transport_;
  TownPeers peers_;
  hub::HubImpl hub_;
  std::vector<std::unique_ptr<RowStream>> streams_;
  std::vector<std::unique_ptr<stream::StreamWriter<Change>>> writers_;
  std::vector<std::set<stream::WriterNumber>> named_;
  stream::Token started_at_;
  bool alive_ = true;
  bool started_ = false;
};

}  // namespace lares::sim
