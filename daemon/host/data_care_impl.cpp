// SPDX-License-Identifier: Apache-2.0
#include <host/data_care_impl.hpp>

#include <lares/async/runtime.hpp>
#include <lares/base/error.hpp>

#include <chrono>
#include <stdexcept>
#include <utility>

namespace lares::host {
namespace {

// Soon after the start, so that a server which is started anew each day is pruned, too; not at once, when
// everybody comes back.
constexpr std::chrono::minutes kPruneFirst{2};
constexpr std::chrono::minutes kPruneEvery{15};

bool is_background_process(const Server& server) {
  const auto configured = server.config()->string("run_background_tasks_on");
  return configured.empty() || configured == "main" ? server.instance() == "master"
                                                    : server.instance() == configured;
}

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
  database_ = &database;
  updates_.emplace(database, server_.runtime(), schemas_, storage::BackgroundUpdateOptions{});
}

void DataCareImpl::start() {
  if (database_ == nullptr || !is_background_process(server_)) {
    return;
  }
  spawn(background_, Background("background_updates", server_.name()), updates_->run());
  spawn(background_, Background("finish_purges", server_.name()), finish_purges());
  spawn(background_, Background("prune_tables", server_.name()), prune_for_ever());
}

Task<void> DataCareImpl::stop() {
  co_await background_.stop();
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
  const auto unfinished = co_await storage::unfinished_purges(*database_);
  for (const auto& owner : unfinished) {
    log_.info("Going on with the purge of {}, which was interrupted.", owner.id);
    co_await purge(owner);
  }
}

Task<void> DataCareImpl::prune_for_ever() {
  for (std::chrono::minutes wait = kPruneFirst;; wait = kPruneEvery) {
    co_await server_.runtime().sleep_for(wait);
    try {
      const auto rows = co_await storage::prune_tables(*database_, schemas_, server_.runtime().now_ms());
      log_.debug("Deleted {} rows that time had ended.", rows);
    } catch (const storage::Error& error) {
      log_.warning("Rows that time has ended were not all deleted: {}. They are tried again.", error.what());
    }
  }
}

}  // namespace lares::host
