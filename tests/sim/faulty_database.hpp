// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task_group.hpp>
#include <lares/storage/database.hpp>

#include <cstdint>
#include <set>

#include "virtual_runtime.hpp"

namespace lares::sim {

/// Ends a transaction before one of its statements. The database asks it before each.
class Fuse {
 public:
  /// Burns while it lives.
  class Burning {
   public:
    /// `statement` does not run any more: from 1, or 0 for none.
    Burning(Fuse& fuse, std::int64_t statement) noexcept : fuse_{fuse} { fuse_.left_ = statement; }
    Burning(const Burning&) = delete;
    Burning& operator=(const Burning&) = delete;
    ~Burning() { fuse_.left_ = 0; }

   private:
    Fuse& fuse_;
  };

  /// **Errors**: Unavailable.
  void before_statement();

 private:
  std::int64_t left_ = 0;
};

/// The transactions of all processes that are held: each has locked its writer's row, and who locks all of
/// those rows waits for those that have been begun.
struct HeldTransactions {
  std::set<std::int64_t> open;
  std::int64_t begun = 0;
};

/// A process's connection to the database that all share: each transaction takes a while, may fail before it
/// is begun, in the middle, and may be committed without the answer reaching the process.
///
/// SQLite has one that writes at a time, so that positions of events would be committed in the order in which
/// they are drawn. On PostgreSQL they are not: that is imitated. A transaction that is held has drawn its
/// positions, and others draw and commit higher ones before it runs.
///
/// **Lifetime**: outlives what is submitted; `stop` waits for that.
class FaultyDatabase final : public storage::Database {
 public:
  struct Faults {
    int fails_percent = 0;    ///< transactions that fail as a whole
    int cut_percent = 0;      ///< writes that fail before one of their statements
    int unknown_percent = 0;  ///< commits whose outcome the process is not told
    int held_percent = 0;     ///< transactions of events that are held
  };

  /// `fuse` is the one that `shared` asks.
  FaultyDatabase(VirtualRuntime& runtime, storage::Database& shared, Fuse& fuse, HeldTransactions& held,
                 Faults faults);

  [[nodiscard]] storage::Engine engine() const noexcept override { return shared_.engine(); }
  /// The process is gone: what it has submitted may still be committed, but nothing new is.
  void cut() noexcept { cut_ = true; }
  void faultless() noexcept { faults_ = {}; }
  Task<void> stop() { return tasks_.stop(); }

 protected:
  void submit(storage::Job& job) noexcept override;

 private:
  Task<void> perform(storage::Job& job);
  Task<void> run(storage::Job& job);
  Task<void> run_write(storage::Job& job);
  Task<void> run_held(storage::Job& job);
  Task<void> wait_for_held();
  Task<void> store(storage::Job& job, std::int64_t drawn);

  VirtualRuntime& at_;
  storage::Database& shared_;
  Fuse& fuse_;
  HeldTransactions& held_;
  Faults faults_;
  bool cut_ = false;
  TaskGroup tasks_;
};

}  // namespace lares::sim
