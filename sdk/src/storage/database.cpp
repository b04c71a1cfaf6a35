// SPDX-License-Identifier: Apache-2.0
#include <lares/storage/database.hpp>

#include <lares/async/runtime.hpp>
#include <lares/base/log.hpp>
#include <lares/base/metrics.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "statement_times.hpp"

namespace lares::storage {

void Job::run(ReadTransaction& transaction) {
  const ContextScope scope{context_};
  transaction.times_ = times_;
  if (rehearse_) {
    auto& write = static_cast<WriteTransaction&>(transaction);
    write.set_mark();
    try {
      body_(*this, transaction);
    } catch (...) {
      // The second run fails in the same way, or the function did more than SQL, which is what the rehearsal
      // is to show.
    }
    write.return_to_mark();
  }
  body_(*this, transaction);
}

void Job::finish(WakeBatch& batch, SteadyTime now, std::exception_ptr error) noexcept {
  finished_at_ = now;
  error_ = std::move(error);
  done_.notify(batch);
}

// The families that dashboards read, and the engine's own counters.
struct Database::Metrics {
  Metrics(Runtime& runtime, const DatabaseOptions& options, const DatabaseStatistics& statistics)
      : registry{runtime.metrics()},
        server_name{options.server_name},
        statements{runtime, server_name},
        schedule{
            registry.histograms({.name = "synapse_storage_schedule_time",
                                 .help = "Seconds that transactions waited for a connection or the writer.",
                                 .labels = {metrics::Label::server_name()}})},
        counts{registry.counters({.name = "synapse_storage_transaction_time_count",
                                  .help = "Transactions by name.",
                                  .labels = labels()})},
        sums{registry.counters({.name = "synapse_storage_transaction_time_sum",
                                .help = "Seconds inside transactions, by name.",
                                .labels = labels(),
                                .scale = 1e-9})} {
    const auto show = [&](std::string name, std::string help, metrics::Kind kind,
                          const std::atomic<std::uint64_t>& value) {
      callbacks.push_back(registry.on_scrape(
          {.name = std::move(name), .help = std::move(help), .labels = {metrics::Label::server_name()}}, kind,
          [&value, server = server_name] {
            return std::vector<metrics::Sample>{
                {.label_values = {server},
                 .value = static_cast<double>(value.load(std::memory_order_relaxed))}};
          }));
    };
    using enum metrics::Kind;
    show("lares_storage_reads", "Read transactions that succeeded.", kCounter, statistics.reads);
    show("lares_storage_writes", "Write transactions that were committed.", kCounter, statistics.writes);
    show("lares_storage_failed", "Transactions that failed.", kCounter, statistics.failed);
    show("lares_storage_retried", "Transactions that ran again after a conflict or a lost connection.",
         kCounter, statistics.retried);
    show("lares_storage_commits", "Commits; with group commit several writes share one.", kCounter,
         statistics.commits);
    show("lares_storage_overloaded", "Transactions refused because the queue was full.", kCounter,
         statistics.overloaded);
    show("lares_storage_calls", "Statements run; many rows in one call count once.", kCounter,
         statistics.calls);
    show("lares_storage_reads_queued", "Read transactions that wait now.", kGauge, statistics.reads_queued);
    show("lares_storage_writes_queued", "Write transactions that wait now.", kGauge,
         statistics.writes_queued);
  }

  static std::vector<metrics::Label> labels() {
    constexpr std::size_t kMostNames = 1000;
    return {metrics::Label::server_name(), metrics::Label::bounded("desc", kMostNames)};
  }

  void record(std::string_view name, SteadyTime::duration waited, SteadyTime::duration took) const {
    schedule.at({server_name}).observe(std::chrono::duration<double>{waited}.count());
    counts.at({server_name, name}).add();
    sums.at({server_name, name}).add(static_cast<std::uint64_t>(std::chrono::nanoseconds{took}.count()));
  }

  metrics::Registry& registry;
  std::string server_name;
  log::Logger transactions{"lares.storage.txn"};
  StatementTimes statements;
  metrics::Family<metrics::Histogram> schedule;
  metrics::Family<metrics::Counter> counts;
  metrics::Family<metrics::Counter> sums;
  std::vector<metrics::CallbackHandle> callbacks;
};

Database::Database(Runtime& runtime, DatabaseOptions options)
    : runtime_{runtime},
      options_{std::move(options)},
      metrics_{std::make_unique<Metrics>(runtime, options_, statistics_)} {}

Database::~Database() = default;

Task<void> Database::run(Job& job) {
  job.rehearse_ = options_.rehearse_writes && job.kind() == Job::Kind::Write;
  job.context_ = RefPtr<LogContext>{&current_context()};
  job.times_ = &metrics_->statements;
  const SteadyTime queued_at = runtime_.steady_now();
  job.started_at = queued_at;
  co_await job.done_.wait([this, &job] { submit(job); });
  const SteadyTime::duration waited = std::max(SteadyTime::duration::zero(), job.started_at - queued_at);
  const SteadyTime::duration took = std::max(SteadyTime::duration::zero(), job.finished_at_ - job.started_at);
  job.context_->add_db_sched(waited);
  job.context_->add_db_transaction(took);
  metrics_->record(job.name(), waited, took);
  metrics_->transactions.debug("{} {}: waited {} ms, took {} ms", job.name(),
                               job.error_ ? "failed" : "is done",
                               std::chrono::duration_cast<std::chrono::milliseconds>(waited).count(),
                               std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
  if (job.error_) {
    std::rethrow_exception(std::exchange(job.error_, nullptr));
  }
}

Task<void> Database::pause_before_asking(Certainty& certainty) {
  constexpr std::chrono::milliseconds kFirstPause{20};
  constexpr std::chrono::milliseconds kLongestPause{1000};
  const SteadyTime now = runtime_.steady_now();
  if (certainty.tries == 0) {
    certainty.give_up_at = now + kCertaintyTimeout;
  } else if (now >= certainty.give_up_at) {
    std::rethrow_exception(certainty.unknown);
  }
  const auto pause = std::min(kLongestPause, kFirstPause * (1 << std::min(certainty.tries, 6)));
  ++certainty.tries;
  co_await runtime_.sleep_for(pause);
}

std::int64_t Database::certainty_number() {
  std::int64_t number = 0;
  while (number == 0) {
    runtime_.random_bytes({reinterpret_cast<std::uint8_t*>(&number), sizeof number});
  }
  return number;
}

}  // namespace lares::storage
