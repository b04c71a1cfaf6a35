// SPDX-License-Identifier: Apache-2.0
#include <lares/storage/background_update.hpp>

#include <lares/async/runtime.hpp>
#include <lares/base/log.hpp>
#include <lares/storage/migration.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <utility>

namespace lares::storage {

namespace {

constexpr std::chrono::seconds kIdlePause{60};
constexpr std::string_view kLeaseName = "background_updates";

constexpr Statement kPending{
    "SELECT name, plugin, progress, total_items, total_duration_ms FROM background_updates ORDER BY ordinal, "
    "name"};
constexpr Statement kTakeLease{
    "INSERT INTO background_lease (lease, holder, until_ts) VALUES ($1, $2, $3) ON CONFLICT (lease) DO "
    "UPDATE SET "
    "holder = excluded.holder, until_ts = excluded.until_ts "
    "WHERE background_lease.holder = excluded.holder OR background_lease.until_ts < $4"};
constexpr Statement kProgress{"SELECT progress FROM background_updates WHERE name = $1"};
constexpr Statement kRecord{
    "UPDATE background_updates SET progress = $2, total_items = total_items + $3, "
    "total_duration_ms = total_duration_ms + $4 WHERE name = $1"};
constexpr Statement kDone{"DELETE FROM background_updates WHERE name = $1"};
constexpr Statement kStart{
    "INSERT INTO background_updates (name, plugin, ordinal, progress) "
    "VALUES ($1, $2, (SELECT COALESCE(MAX(ordinal), 0) + 1 FROM background_updates), $3) "
    "ON CONFLICT (name) DO UPDATE SET progress = excluded.progress"};

enum class Outcome { Stepped, Gone, LeaseElsewhere };

}  // namespace

struct BackgroundUpdates::State {
  State(Database& db, Runtime& where, BackgroundUpdateOptions chosen)
      : database{db}, runtime{where}, options{chosen} {}

  struct Known {
    std::string plugin;
    BackgroundUpdate update;
  };

  Database& database;
  Runtime& runtime;
  BackgroundUpdateOptions options;
  std::map<std::string, Known, std::less<>> known;
  std::array<std::uint8_t, 16> holder{};
  std::atomic<bool> enabled{true};
  std::atomic<BackgroundUpdatesStanding> last{BackgroundUpdatesStanding::kNotStarted};
  std::atomic<std::size_t> pending{0};
  std::atomic<std::uint64_t> items{0};
  // Of the last step: known only after its commit, so it is written with the next one.
  std::string timed_name;
  std::int64_t timed_ms = 0;
  log::Logger logger{"lares.storage.background_updates"};
};

BackgroundUpdates::BackgroundUpdates(Database& database, Runtime& runtime, std::vector<Schema> schemas,
                                     BackgroundUpdateOptions options)
    : state_{std::make_unique<State>(database, runtime, options)} {
  runtime.random_bytes(state_->holder);
  for (Schema& schema : schemas) {
    for (BackgroundUpdate& update : schema.updates) {
      std::string name{update.name};
      state_->known.emplace(std::move(name),
                            State::Known{.plugin = std::string{schema.plugin}, .update = std::move(update)});
    }
  }
}

BackgroundUpdates::~BackgroundUpdates() = default;

Task<bool> BackgroundUpdates::step() {
  State& state = *state_;
  if (!state.enabled.load(std::memory_order_relaxed)) {
    co_return false;
  }
  const std::vector<BackgroundUpdateStatus> pending = co_await status();
  state.pending.store(pending.size(), std::memory_order_relaxed);
  // An update that another release has started is left to a process of that release.
  const auto next = std::ranges::find_if(
      pending, [&](const BackgroundUpdateStatus& one) { return state.known.contains(one.name); });
  if (next == pending.end()) {
    co_return false;
  }
  const BackgroundUpdate& update = state.known.find(next->name)->second.update;
  const double rate = next->items_per_ms();
  const std::int64_t batch =
      rate > 0
          ? std::max(
                state.options.minimum_batch,
                static_cast<std::int64_t>(rate * static_cast<double>(state.options.step_duration.count())))
          : state.options.default_batch;
  const std::int64_t now = state.runtime.now_ms();
  const std::string_view holder{reinterpret_cast<const char*>(state.holder.data()), state.holder.size()};
  const std::int64_t timed = state.timed_name == next->name ? state.timed_ms : 0;
  const SteadyTime began = state.runtime.steady_now();
  bool done = false;
  std::int64_t items = 0;
  const Outcome outcome = co_await state.database.write("background_update", [&](WriteTransaction& tx) {
    if (tx.exec(kTakeLease, kLeaseName, Bytes{holder}, now + state.options.lease.count(), now) == 0) {
      return Outcome::LeaseElsewhere;
    }
    const auto progress = tx.maybe(kProgress, next->name, [](const Row& row) { return row.bytes_copy(0); });
    if (!progress.has_value()) {
      return Outcome::Gone;
    }
    const BackgroundStep result = update.step(tx, *progress, batch);
    if (result.done) {
      tx.exec(kDone, next->name);
    } else {
      tx.exec(kRecord, next->name, Bytes{result.progress}, result.items, timed);
    }
    done = result.done;
    items = result.items;
    return Outcome::Stepped;
  });
  if (outcome != Outcome::Stepped) {
    co_return outcome == Outcome::Gone;
  }
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(state.runtime.steady_now() - began);
  state.timed_name = next->name;
  state.timed_ms = std::max<std::int64_t>(1, took.count());
  state.items.fetch_add(static_cast<std::uint64_t>(items), std::memory_order_relaxed);
  if (done) {
    state.pending.fetch_sub(1, std::memory_order_relaxed);
    state.logger.info("The background update {} is done: {} items.", next->name, next->total_items);
  }
  co_return true;
}

Task<void> BackgroundUpdates::run() {
  State& state = *state_;
  for (;;) {
    std::chrono::milliseconds pause = kIdlePause;
    try {
      if (co_await step()) {
        pause = state.options.pause;
      }
      state.last.store(
          pending() > 0 ? BackgroundUpdatesStanding::kRunning : BackgroundUpdatesStanding::kComplete,
          std::memory_order_relaxed);
    } catch (const Error& error) {
      state.last.store(BackgroundUpdatesStanding::kFailed, std::memory_order_relaxed);
      state.logger.error("A step of a background update failed and is tried again: {}", error.what());
    }
    co_await state.runtime.sleep_for(pause);
  }
}

Task<void> BackgroundUpdates::start(std::string name) {
  State& state = *state_;
  const auto found = state.known.find(name);
  if (found == state.known.end()) {
    throw StatementError{fmt::format("No plugin declares a background update {}.", name)};
  }
  co_await state.database.write("background_update_start", [&](WriteTransaction& tx) {
    tx.exec(kStart, name, found->second.plugin, Bytes{});
  });
}

void BackgroundUpdates::set_enabled(bool enabled) noexcept {
  state_->enabled.store(enabled, std::memory_order_relaxed);
}

bool BackgroundUpdates::enabled() const noexcept {
  return state_->enabled.load(std::memory_order_relaxed);
}

std::size_t BackgroundUpdates::pending() const noexcept {
  return state_->pending.load(std::memory_order_relaxed);
}

std::uint64_t BackgroundUpdates::items() const noexcept {
  return state_->items.load(std::memory_order_relaxed);
}

BackgroundUpdatesStanding BackgroundUpdates::standing() const noexcept {
  return enabled() ? state_->last.load(std::memory_order_relaxed) : BackgroundUpdatesStanding::kDisabled;
}

Task<std::vector<BackgroundUpdateStatus>> BackgroundUpdates::status() {
  co_return co_await state_->database.read("background_update_status", [](ReadTransaction& tx) {
    std::vector<BackgroundUpdateStatus> result;
    tx.each(kPending, [&](const Row& row) {
      result.push_back({.name = row.text_copy(0),
                        .plugin = row.text_copy(1),
                        .total_items = row.i64(3),
                        .total_duration_ms = row.i64(4)});
    });
    return result;
  });
}

}  // namespace lares::storage
