// SPDX-License-Identifier: Apache-2.0
#include "background.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace lares::detail {

namespace {

/// The names are the code's, so this only stops one that was made out of something from outside.
constexpr std::size_t kMaxNames = 300;
constexpr std::size_t kMaxServers = 16;

}  // namespace

struct BackgroundRecord {
  std::string name;
  std::string server_name;
  std::mutex mutex;
  std::uint64_t started = 0;
  Usage ended;
  std::vector<RefPtr<LogContext>> running;

  [[nodiscard]] Usage total() {
    const std::lock_guard lock{mutex};
    Usage sum = ended;
    for (const RefPtr<LogContext>& context : running) {
      sum += context->usage();
    }
    return sum;
  }
};

BackgroundRun::~BackgroundRun() {
  if (record_ == nullptr) {
    return;
  }
  context_->finish();
  const std::lock_guard lock{record_->mutex};
  record_->ended += context_->usage();
  const auto at = std::ranges::find(record_->running, context_);
  if (at != record_->running.end()) {
    *at = std::move(record_->running.back());
    record_->running.pop_back();
  }
}

BackgroundProcesses::BackgroundProcesses(metrics::Registry& registry) {
  const auto add = [&](std::string name, std::string help, metrics::Kind kind,
                       std::function<double(BackgroundRecord&)> read) {
    callbacks_.push_back(registry.on_scrape(
        {.name = std::move(name),
         .help = std::move(help),
         .labels = {metrics::Label::server_name(), metrics::Label::bounded("name", kMaxNames + kMaxServers)}},
        kind, [this, read = std::move(read)] {
          std::vector<metrics::Sample> samples;
          const std::lock_guard lock{mutex_};
          for (const auto& [key, record] : records_) {
            samples.push_back({.label_values = {record->server_name, record->name}, .value = read(*record)});
          }
          return samples;
        }));
  };
  const auto seconds = [](std::chrono::nanoseconds time) { return static_cast<double>(time.count()) * 1e-9; };
  const metrics::Kind counter = metrics::Kind::kCounter;
  add("synapse_background_process_start_count", "Number of background processes started", counter,
      [](BackgroundRecord& record) {
        const std::lock_guard lock{record.mutex};
        return static_cast<double>(record.started);
      });
  add("synapse_background_process_in_flight_count", "Number of background processes in flight",
      metrics::Kind::kGauge, [](BackgroundRecord& record) {
        const std::lock_guard lock{record.mutex};
        return static_cast<double>(record.running.size());
      });
  add("synapse_background_process_ru_utime_seconds", "User CPU time used by background processes, in seconds",
      counter, [seconds](BackgroundRecord& record) { return seconds(record.total().utime); });
  add("synapse_background_process_ru_stime_seconds",
      "System CPU time used by background processes, in seconds", counter,
      [seconds](BackgroundRecord& record) { return seconds(record.total().stime); });
  add("synapse_background_process_db_txn_count",
      "Number of database transactions done by background processes", counter,
      [](BackgroundRecord& record) { return static_cast<double>(record.total().db_txn_count); });
  add("synapse_background_process_db_txn_duration_seconds",
      "Seconds spent by background processes waiting for database transactions, excluding scheduling time",
      counter, [seconds](BackgroundRecord& record) { return seconds(record.total().db_txn_duration); });
  add("synapse_background_process_db_sched_duration_seconds",
      "Seconds spent by background processes waiting for database connections", counter,
      [seconds](BackgroundRecord& record) { return seconds(record.total().db_sched_duration); });
}

BackgroundProcesses::~BackgroundProcesses() = default;

BackgroundRecord& BackgroundProcesses::record_of(std::string_view name, std::string_view server_name) {
  const std::lock_guard lock{mutex_};
  std::pair key{std::string{name}, std::string{server_name}};
  if (const auto found = records_.find(key); found != records_.end()) {
    return *found->second;
  }
  if (records_.size() >= kMaxNames) {
    key = {"other", ""};
  }
  std::unique_ptr<BackgroundRecord>& record = records_[key];
  if (!record) {
    record = std::make_unique<BackgroundRecord>();
    record->name = key.first;
    record->server_name = key.second;
  }
  return *record;
}

BackgroundRun BackgroundProcesses::start(std::string_view name, std::string_view server_name) {
  BackgroundRecord& record = record_of(name, server_name);
  const std::lock_guard lock{record.mutex};
  const std::uint64_t number = record.started++;
  RefPtr<LogContext> context = LogContext::create(fmt::format("{}-{}", name, number), server_name);
  record.running.push_back(context);
  return BackgroundRun{record, std::move(context)};
}

}  // namespace lares::detail
