// SPDX-License-Identifier: Apache-2.0
#include <host/data_care_impl.hpp>

#include <lares/async/runtime.hpp>
#include <lares/base/error.hpp>
#include <lares/storage/database.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace lares::host {
namespace {

// Soon after the start, so that a server which is started anew each day is pruned, too; not at once, when
// everybody comes back.
constexpr std::chrono::minutes kPruneFirst{2};
constexpr std::chrono::minutes kPruneEvery{15};

// Of purges that were interrupted, while the database is away.
constexpr std::chrono::seconds kFirstPurgePause{1};
constexpr std::chrono::seconds kLongestPurgePause{300};

// The first start decides, of whichever process.
constexpr storage::Statement kClaimDatabase{
    "INSERT INTO database_server (id, server_name) VALUES ('server', $1) ON CONFLICT (id) DO NOTHING"};
constexpr storage::Statement kServerOfDatabase{"SELECT server_name FROM database_server WHERE id = 'server'"};

}  // namespace

DataCareImpl::DataCareImpl(Server& server, std::span<const storage::Schema> schemas)
    : server_(server), schemas_(schemas.begin(), schemas.end()), background_(server.runtime(), "data care") {}

DataCareImpl::~DataCareImpl() = default;

Task<void> DataCareImpl::migrate(storage::Database& database) {
  try {
    const auto report = co_await storage::migrate(database, schemas_, server_.runtime().now_ms());
    for (const auto& step : report.applied) {
      log_.info("Changed the database: {}", step);
    }
  } catch (const storage::MigrationError& error) {
    throw StartError(error.what());
  }
  co_await check_server_name(database);
  database_ = &database;
  updates_.emplace(database, server_.runtime(), schemas_, storage::BackgroundUpdateOptions{});
  show_updates();
}

Task<void> DataCareImpl::check_server_name(storage::Database& database) {
  const std::string name = server_.name();
  const std::string stored = co_await database.write("server_name", [name](storage::WriteTransaction& tx) {
    tx.exec(kClaimDatabase, name);
    return tx.one(kServerOfDatabase, [](const storage::Row& row) { return row.text_copy(0); });
  });
  if (stored != name) {
    throw StartError(fmt::format(
        "{}: server_name is {}, and the database is that of {}: its users and rooms bear this name, which "
        "cannot be changed. Set server_name to {} again, or give {} a database of its own.",
        server_.config()->origin("server_name"), name, stored, stored, name));
  }
}

void DataCareImpl::show_updates() {
  const auto show = [this](std::string name, std::string help, metrics::Kind kind, auto read) {
    metrics_.push_back(server_.metrics().on_scrape(
        {.name = std::move(name), .help = std::move(help), .labels = {metrics::Label::server_name()}}, kind,
        [this, read] {
          return std::vector<metrics::Sample>{
              {.label_values = {server_.name()}, .value = static_cast<double>(read(*updates_))}};
        }));
  };
  show("synapse_background_update_status",
       "Background updates: -1 failed, 0 disabled, 1 not started, 2 running, 3 complete.",
       metrics::Kind::kGauge,
       [](const storage::BackgroundUpdates& updates) { return static_cast<int>(updates.standing()); });
  show("lares_background_updates_pending", "Background updates of the database that are not done.",
       metrics::Kind::kGauge, [](const storage::BackgroundUpdates& updates) { return updates.pending(); });
  show("lares_background_update_items", "What background updates in this process have gone through.",
       metrics::Kind::kCounter, [](const storage::BackgroundUpdates& updates) { return updates.items(); });
}

void DataCareImpl::start() {
  if (database_ == nullptr || !works_here()) {
    return;
  }
  spawn(background_, Background("background_updates", server_.name()), updates_->run());
  spawn(background_, Background("finish_purges", server_.name()), finish_purges());
  spawn(background_, Background("prune_tables", server_.name()), prune_for_ever());
}

Task<void> DataCareImpl::stop() {
  co_await background_.stop();
}

bool DataCareImpl::works_here() const {
  const std::string configured = server_.config()->string("run_background_tasks_on");
  return server_.instance() == (configured.empty() || configured == "main" ? "master" : configured);
}

Task<storage::PurgeReport> DataCareImpl::purge(storage::OwnerId owner) {
  if (database_ == nullptr) {
    throw std::logic_error("purge was called before the database had started");
  }
  co_return co_await storage::purge_owner(*database_, schemas_, std::move(owner), server_.runtime().now_ms());
}

storage::BackgroundUpdates& DataCareImpl::background_updates() {
  if (!updates_) {
    throw std::logic_error("background updates were asked for before the database had started");
  }
  return *updates_;
}

Task<void> DataCareImpl::finish_purges() {
  std::optional<std::vector<storage::OwnerId>> left;
  for (auto pause = kFirstPurgePause;; pause = std::min(pause * 2, kLongestPurgePause)) {
    try {
      // Once: a purge that begins later is with whoever asked for it.
      if (!left) {
        left = co_await storage::unfinished_purges(*database_);
      }
      while (!left->empty()) {
        log_.info("Going on with the purge of {}, which was interrupted.", left->front().id);
        co_await purge(left->front());
        left->erase(left->begin());
      }
      co_return;
    } catch (const storage::Error& error) {
      log_.warning("What a former process began to purge is not all gone: {}. It is tried again in {} s.",
                   error.what(), pause.count());
    }
    if (left && !left->empty()) {
      // One that always fails keeps no other from its end.
      std::rotate(left->begin(), left->begin() + 1, left->end());
    }
    co_await server_.runtime().sleep_for(pause);
  }
}

Task<void> DataCareImpl::check_bounds() {
  for (const std::string& excess : co_await storage::check_bounds(*database_, schemas_)) {
    log_.warning("Rows beyond what their table is to hold, which no plugin has kept to: {}", excess);
  }
}

Task<void> DataCareImpl::prune_for_ever() {
  for (std::chrono::minutes wait = kPruneFirst;; wait = kPruneEvery) {
    co_await server_.runtime().sleep_for(wait);
    try {
      const auto rows = co_await storage::prune_tables(*database_, schemas_, server_.runtime().now_ms());
      log_.debug("Deleted {} rows that time had ended.", rows);
      co_await check_bounds();
    } catch (const storage::Error& error) {
      log_.warning("Rows that time has ended were not all deleted: {}. They are tried again.", error.what());
    }
  }
}

}  // namespace lares::host
