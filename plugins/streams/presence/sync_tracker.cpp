// SPDX-License-Identifier: Apache-2.0
#include "sync_tracker.hpp"

#include <lares/async/runtime.hpp>
#include <lares/matrix/identifiers.hpp>

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <iterator>
#include <optional>
#include <utility>

namespace lares::presence {

namespace {

constexpr std::chrono::milliseconds kAnnounced{100};

}  // namespace

SyncTracker::SyncTracker(Server& server, const Settings& settings, PresenceWriter& writer)
    : server_(server),
      settings_(settings),
      writer_(writer),
      tasks_(server.runtime(), "presence of syncs"),
      records_(tasks_, {.name = "syncing_devices",
                        .server_name = server.name(),
                        .max_size = 2 * kMostDevices,
                        .record = true}) {}

void SyncTracker::start() {
  changes_ = &server_.services().get<service::RateLimiter>().limiter(kChangesLimit);
  if (settings_.tracked) {
    spawn(tasks_, Background{"presence-reports", server_.name()}, work(), &server_.runtime().loop(0));
  }
}

Task<void> SyncTracker::stop() {
  co_await tasks_.stop();
}

std::shared_ptr<void> SyncTracker::syncing(const http::Requester& requester, std::string_view set_presence) {
  const std::optional<State> state =
      set_presence.empty() ? std::optional{State::kOnline} : parse_state(set_presence);
  if (!settings_.tracked || !state || *state == State::kOffline) {
    return nullptr;
  }
  const http::Account& account = requester.account();
  const std::uint64_t device = account.device_id ? std::hash<std::string_view>{}(*account.device_id) | 1U
                                                 : static_cast<std::uint64_t>(account.token_id) << 1U | 1U;
  const Key key{account.user_number, device};
  std::optional<RecordPtr> known = records_.peek(key);
  if (known) {
    // In this order, and `collect` in the other: one of the two sees what the other did.
    (*known)->used.store(server_.runtime().steady_now());
    if (!(*known)->ended.load()) {
      // Each change is announced to everybody who shares a room, and a client syncs as often as it likes.
      // What the limit refuses holds back no sync, and is asked for again by the next.
      if ((*known)->state.load(std::memory_order_relaxed) != *state &&
          !changes_->try_take(requester.user().view())) {
        (*known)->state.store(*state, std::memory_order_relaxed);
        spawn(tasks_, Background{"presence-reports", server_.name()}, hurry(*known),
              &server_.runtime().loop(0));
      }
      return std::move(*known);
    }
  }
  return add(key, requester.user().view(), true, *state);
}

SyncTracker::RecordPtr SyncTracker::add(Key key, std::string_view user_id, bool syncs, State state) {
  if (tasks_.cancelled() || count_.load(std::memory_order_relaxed) >= kMostDevices) {
    return nullptr;
  }
  count_.fetch_add(1, std::memory_order_relaxed);
  auto record = std::make_shared<Record>();
  record->key = key;
  record->user_id = user_id;
  record->syncs = syncs;
  record->state.store(state);
  record->used.store(server_.runtime().steady_now());
  records_.put(key, record);
  spawn(tasks_, Background{"presence-reports", server_.name()}, adopt(record), &server_.runtime().loop(0));
  return record;
}

Task<void> SyncTracker::adopt(RecordPtr record) {
  list_.push_back(record);
  co_await hurry(std::move(record));
}

Task<void> SyncTracker::hurry(RecordPtr record) {
  urgent_.push_back(std::move(record));
  hurry_.notify();
  co_return;
}

Task<void> SyncTracker::prepare(std::span<const service::StoredEventPtr>, std::span<service::EventMarks>) {
  co_return;
}

void SyncTracker::write(storage::WriteTransaction&, std::span<const service::StoredEventPtr>) {}

void SyncTracker::committed(std::span<const service::StoredEventPtr> events) noexcept {
  if (!settings_.tracked) {
    return;
  }
  for (const service::StoredEventPtr& event : events) {
    const std::string_view sender = event->event->sender();
    if (matrix::server_part(sender) != server_.name()) {
      continue;
    }
    const Key key{event->sender, 0};
    try {
      if (const std::optional<RecordPtr> known = records_.peek(key)) {
        (*known)->used.store(server_.runtime().steady_now());
        if (!(*known)->ended.load()) {
          continue;
        }
      }
      static_cast<void>(add(key, sender, false, State::kOnline));
    } catch (const std::exception& error) {
      log_.warning("That a user is active was not noted: {}", error.what());
    }
  }
}

Report SyncTracker::report_of(const Record& record, SteadyTime now) const {
  const std::int64_t used_ago = std::max<std::int64_t>(
      0, std::chrono::duration_cast<std::chrono::milliseconds>(now - record.used.load()).count());
  Report report;
  report.user = record.key.user;
  report.user_id = record.user_id;
  report.device = record.key.device ^ std::hash<std::string_view>{}(server_.instance());
  if (record.syncs) {
    report.syncs = record.state.load(std::memory_order_relaxed);
    report.begun_ago_ms = used_ago;
  } else {
    report.active_ago_ms = used_ago;
  }
  return report;
}

Task<void> SyncTracker::announced(std::shared_ptr<void> syncing) {
  const RecordPtr record = std::static_pointer_cast<Record>(std::move(syncing));
  const SteadyTime end = server_.runtime().steady_now() + kAnnounced;
  for (;;) {
    const std::uint64_t seen = announced_.version();
    if (!record || record->announced.load() || co_await announced_.wait_beyond(seen, end) == Wake::kTimeout) {
      co_return;
    }
  }
}

std::vector<Report> SyncTracker::reports_of(const std::vector<RecordPtr>& records) const {
  const SteadyTime now = server_.runtime().steady_now();
  std::vector<Report> reports;
  for (const RecordPtr& record : records) {
    reports.push_back(report_of(*record, now));
    record->reported = now;
  }
  return reports;
}

// Who has synced since the last time, or does so now. Forgets devices that have not for long.
std::vector<Report> SyncTracker::collect() {
  const SteadyTime now = server_.runtime().steady_now();
  const SteadyTime::duration every = settings_.report_every();
  std::vector<Report> reports;
  std::erase_if(list_, [&](const RecordPtr& record) {
    const SteadyTime used = record->used.load();
    // The cache and this list hold it; more is a request.
    const bool busy = record->syncs && record.use_count() > 2;
    if (!busy && now - used > settings_.online_timeout + 2 * every) {
      record->ended.store(true);
      if (record->used.load() == used) {
        records_.invalidate(record->key);
        count_.fetch_sub(1, std::memory_order_relaxed);
        return true;
      }
      record->ended.store(false);
    }
    // Once more after the end, so that the time runs from there.
    if (used >= record->reported || busy || record->was_busy) {
      reports.push_back(report_of(*record, now));
      record->reported = now;
    }
    record->was_busy = busy;
    return false;
  });
  return reports;
}

Task<void> SyncTracker::work() {
  SteadyTime next = server_.runtime().steady_now() + settings_.report_every();
  for (;;) {
    const std::uint64_t seen = hurry_.version();
    if (urgent_.empty() && server_.runtime().steady_now() < next) {
      co_await hurry_.wait_beyond(seen, next);
    }
    const std::vector<RecordPtr> urgent = std::exchange(urgent_, {});
    std::vector<Report> reports = reports_of(urgent);
    co_await tell(std::move(reports));
    for (const RecordPtr& record : urgent) {
      record->announced.store(true);
    }
    if (!urgent.empty()) {
      announced_.notify();
    }
    if (server_.runtime().steady_now() >= next) {
      next = server_.runtime().steady_now() + settings_.report_every();
      std::vector<Report> all = collect();
      co_await tell(std::move(all));
    }
  }
}

Task<void> SyncTracker::tell(std::vector<Report> reports) {
  for (std::size_t first = 0; first < reports.size(); first += PresenceWriter::kMostReports) {
    const std::size_t last = std::min(reports.size(), first + PresenceWriter::kMostReports);
    std::vector<Report> some{std::make_move_iterator(reports.begin() + static_cast<std::ptrdiff_t>(first)),
                             std::make_move_iterator(reports.begin() + static_cast<std::ptrdiff_t>(last))};
    try {
      co_await writer_.report(std::move(some));
    } catch (const boost::system::system_error&) {
      throw;
    } catch (const std::exception& error) {
      // What holds is said again.
      log_.warning("Who syncs here could not be told to the process that writes presence: {}", error.what());
    }
  }
}

}  // namespace lares::presence
