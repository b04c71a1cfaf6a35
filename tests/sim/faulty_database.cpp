// SPDX-License-Identifier: Apache-2.0
#include "faulty_database.hpp"

#include <lares/storage/transaction.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>
#include <string_view>

namespace lares::sim {

using std::chrono::microseconds;
using storage::Job;
using storage::Row;
using storage::Statement;
using storage::WriteTransaction;

namespace {

// The transaction that draws positions of events, and what it draws them from.
constexpr std::string_view kDraws = "persist_events";
// Those that lock rows of writers who may be in such a transaction.
constexpr std::array<std::string_view, 2> kLock{"wait_for_writers", "enter_process"};
constexpr Statement kDraw{"UPDATE events_sequence SET value = value + $1 WHERE id = 1 RETURNING value"};
constexpr Statement kDrawn{"SELECT value FROM events_sequence WHERE id = 1"};
constexpr Statement kReturnTo{"UPDATE events_sequence SET value = $1 WHERE id = 1"};
// More than one transaction draws; what is left over is a gap, as a sequence has them.
constexpr std::int64_t kDrawnAtOnce = 1'000;
// A larger transaction has more statements, and is cut near its beginning.
constexpr std::int64_t kLastCut = 15;

}  // namespace

void Fuse::before_statement() {
  if (left_ > 0 && --left_ == 0) {
    throw storage::Unavailable{"a fault of the simulation, in the middle"};
  }
}

FaultyDatabase::FaultyDatabase(VirtualRuntime& runtime, storage::Database& shared, Fuse& fuse,
                               HeldTransactions& held, Faults faults)
    : Database{runtime, {.server_name = "example.org"}},
      at_{runtime},
      shared_{shared},
      fuse_{fuse},
      held_{held},
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
    co_await run_write(job);
  } else {
    co_await shared_.read("simulated_read", [&job](storage::ReadTransaction& tx) { job.run(tx); });
  }
}

Task<void> FaultyDatabase::run_write(Job& job) {
  if (std::ranges::find(kLock, job.name()) != kLock.end() || job.settling()) {
    co_await wait_for_held();
  }
  if (job.name() == kDraws && !job.settling() && at_.chance(faults_.held_percent)) {
    co_await run_held(job);
  } else {
    co_await store(job, 0);
  }
}

Task<void> FaultyDatabase::wait_for_held() {
  const std::set<std::int64_t> others = held_.open;
  const auto is_open = [this](std::int64_t one) { return held_.open.contains(one); };
  while (std::ranges::any_of(others, is_open)) {
    co_await at_.sleep_for(microseconds{500});
  }
}

Task<void> FaultyDatabase::run_held(Job& job) {
  const std::int64_t own = ++held_.begun;
  held_.open.insert(own);
  std::exception_ptr error;
  try {
    const std::int64_t drawn = co_await shared_.write("simulated_draw", [](WriteTransaction& tx) {
      return tx.one(kDraw, kDrawnAtOnce, [](const Row& row) { return row.i64(0); });
    });
    co_await at_.sleep_for(microseconds{at_.between(0, 400'000)});
    // The connection of who is gone is closed, and with it ends what it has not committed.
    if (cut_) {
      throw storage::Unavailable{"the process is gone"};
    }
    co_await store(job, drawn);
  } catch (...) {
    error = std::current_exception();
  }
  held_.open.erase(own);
  if (error) {
    std::rethrow_exception(error);
  }
}

Task<void> FaultyDatabase::store(Job& job, std::int64_t drawn) {
  const std::int64_t cut = at_.chance(faults_.cut_percent) ? at_.between(1, kLastCut) : 0;
  co_await shared_.write("simulated_write", [this, &job, drawn, cut](WriteTransaction& tx) {
    std::int64_t present = 0;
    if (drawn != 0) {
      present = tx.one(kDrawn, [](const Row& row) { return row.i64(0); });
      tx.exec(kReturnTo, drawn - kDrawnAtOnce);
    }
    {
      const Fuse::Burning burning{fuse_, cut};
      job.run(tx);
    }
    if (drawn != 0) {
      if (tx.one(kDrawn, [](const Row& row) { return row.i64(0); }) > drawn) {
        throw std::logic_error{"a transaction drew more positions than the simulation had for it"};
      }
      tx.exec(kReturnTo, present);
    }
  });
}

}  // namespace lares::sim
