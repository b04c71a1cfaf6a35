// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task_group.hpp>
#include <lares/storage/database.hpp>

#include <functional>

#include "virtual_runtime.hpp"

namespace lares::sim {

/// A process's connection to the database that all share: each transaction takes a while, may fail before it
/// is committed, and may be committed without the answer reaching the process.
///
/// **Lifetime**: outlives what is submitted; `stop` waits for that.
class FaultyDatabase final : public storage::Database {
 public:
  struct Faults {
    int fails_percent = 0;    ///< transactions that fail as a whole
    int unknown_percent = 0;  ///< commits whose outcome the process is not told
  };

  FaultyDatabase(VirtualRuntime& runtime, storage::Database& shared, Faults faults);

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

  VirtualRuntime& at_;
  storage::Database& shared_;
  Faults faults_;
  bool cut_ = false;
  TaskGroup tasks_;
};

}  // namespace lares::sim
