// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task_group.hpp>
#include <lares/storage/migration.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "process.hpp"

namespace lares::sim {

/// What a run was, and what was wrong with it.
struct Outcome {
  std::vector<std::string> faults;
  std::size_t written = 0;
  std::size_t acknowledged = 0;
  std::size_t reads = 0;
  std::size_t kills = 0;
  std::size_t reshardings = 0;
  std::size_t losses = 0;
  std::uint64_t trace = 0;  ///< the same for two runs that went the same way
};

/// Several processes of one server in one thread and in virtual time. They are kept running, and killed, cut
/// off and given other tasks, as the seed says; who writes and reads meanwhile, and what is judged at the
/// end, a simulation adds.
class World : public Town {
 public:
  static constexpr std::array kInstances = {"master", "w1", "w2", "w3"};

  /// How long something goes wrong, and for how long nothing does afterwards. In the last two thirds of that
  /// nothing new is begun.
  struct Hours {
    std::chrono::seconds trouble{40};
    std::chrono::seconds peace{30};
  };

  World(std::uint64_t seed, Hours hours);
  ~World() override;

  Outcome run();

  Process* find(std::string_view instance) override;
  void fault(std::string sentence) override;

 protected:
  /// The tables of everything that writes.
  [[nodiscard]] virtual std::span<const storage::Schema> schemas() = 0;
  /// A process by the configuration of now.
  virtual std::unique_ptr<Process> make(const std::string& instance) = 0;
  /// Another choice of processes that write; those that run go by the former one until they are restarted.
  virtual void reshard() = 0;
  /// What has to be there before trouble begins. Database and network have their faults already.
  virtual Task<void> settle() = 0;
  /// Starts those who write and read; they end by `quiet` and `over`.
  virtual void begin() = 0;
  /// When all is over: the processes still run, nothing fails any more.
  virtual Task<void> judge() = 0;

  /// What a process is made of; one made now fails as the seed and the hour say.
  [[nodiscard]] Process::Parts parts();
  /// One that answers, or null.
  Process* any_process();
  /// Several of the instances, at least one.
  std::vector<std::string> some_instances();
  void trace(std::uint64_t value) { outcome_.trace = (outcome_.trace ^ value) * 1'099'511'628'211U; }
  /// Nothing new is begun.
  [[nodiscard]] bool quiet() const noexcept { return quiet_; }
  [[nodiscard]] bool over() const noexcept { return over_; }
  /// While something may fail.
  [[nodiscard]] bool troubled() const noexcept { return troubled_; }
  [[nodiscard]] storage::Database& shared_database() noexcept { return *database_; }
  [[nodiscard]] const auto& processes() const noexcept { return processes_; }

  VirtualRuntime runtime_;
  Outcome outcome_;
  TaskGroup actors_;

 private:
  Task<void> step(Task<void> task);
  void play(Task<void> task);
  Task<void> migrate();
  Task<void> keep_running(std::string instance);
  Task<void> make_trouble();
  Task<void> end();

  const Hours hours_;
  std::string folder_;
  Fuse fuse_;
  HeldTransactions held_;
  std::unique_ptr<storage::Database> database_;
  FaultyNetwork network_;
  FaultyDatabase::Faults faults_;
  std::map<std::string, std::unique_ptr<Process>, std::less<>> processes_;
  std::vector<std::unique_ptr<Process>> graves_;
  bool troubled_ = true;
  bool quiet_ = false;
  bool over_ = false;
};

}  // namespace lares::sim
