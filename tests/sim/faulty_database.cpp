// SPDX-License-Identifier: Apache-2.0
#include "faulty_database.hpp"

#include <chrono>

namespace lares::sim {

using std::chrono::microseconds;
using storage::Job;

FaultyDatabase::FaultyDatabase(VirtualRuntime& runtime, storage::Database& shared, Faults faults)
    : Database{runtime, {.server_name = "example.org"}},
      at_{runtime},
      shared_{shared},
      faults_{faults},
      tasks_{runtime, "simulated database"} {}

void FaultyDatabase::submit(Job& job) noexcept {
  job.started_at = at_.steady_now();
  spawn(tasks_, Background{"database"}, perform(job), &at_.this_or_next_loop());
}

Task<void> FaultyDatabase::perform(Job& job) {
  const bool write = job.kind() == Job::Kind::Write;
  std::exception_ptr error;
  try {
    // Whether its last commit is there is answered to one that is gone, too: a process that is not told for
    // long ends, and with it would end all that are simulated.
    if (cut_ && !job.settling()) {
      throw storage::Unavailable{"the process is gone"};
    }
    co_await at_.sleep_for(microseconds{at_.between(50, 3000)});
    if (at_.chance(faults_.fails_percent)) {
      throw storage::Unavailable{"a fault of the simulation"};
    }
    const bool unknown = write && job.certainty_lock() != 0 && at_.chance(faults_.unknown_percent);
    if (!unknown || at_.chance(50)) {
      co_await run(job);
    }
    if (unknown) {
      throw storage::CommitUnknown{"a fault of the simulation"};
    }
    co_await at_.sleep_for(microseconds{at_.between(0, 1000)});
  } catch (...) {
    error = std::current_exception();
  }
  WakeBatch batch;
  job.finish(batch, at_.steady_now(), error);
  batch.flush();
}

Task<void> FaultyDatabase::run(Job& job) {
  if (job.kind() == Job::Kind::Write) {
    co_await shared_.write("simulated_write", [&job](storage::WriteTransaction& tx) { job.run(tx); });
  } else {
    co_await shared_.read("simulated_read", [&job](storage::ReadTransaction& tx) { job.run(tx); });
  }
}

}  // namespace lares::sim
