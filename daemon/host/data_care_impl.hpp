// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task_group.hpp>
#include <lares/base/log.hpp>
#include <lares/base/metrics.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/data_care.hpp>
#include <lares/storage/migration.hpp>

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace lares::host {

/// Migrates, runs the background updates that migrations start, and deletes what time has ended.
///
/// **Threads**: the first loop, except what DataCare promises.
class DataCareImpl final : public service::DataCare {
 public:
  /// `schemas` live as long as the process.
  DataCareImpl(Server& server, std::span<const storage::Schema> schemas);
  ~DataCareImpl() override;

  /// Brings the database to what this build declares. **Errors**: StartError, also where the database is that
  /// of another server.
  Task<void> migrate(storage::Database& database);
  /// Begins the work in the background, where this process is the one that does it.
  void start();
  Task<void> stop();

  [[nodiscard]] bool works_here() const override;
  Task<storage::PurgeReport> purge(storage::OwnerId owner) override;
  [[nodiscard]] storage::BackgroundUpdates& background_updates() override;

 private:
  // Every name in the database ends in that of the server it was made for.
  Task<void> check_server_name(storage::Database& database);
  void show_updates();
  Task<void> prune_for_ever();
  Task<void> check_bounds();
  Task<void> finish_purges();

  Server& server_;
  std::vector<storage::Schema> schemas_;
  storage::Database* database_ = nullptr;
  std::optional<storage::BackgroundUpdates> updates_;
  std::vector<metrics::CallbackHandle> metrics_;
  TaskGroup background_;
  log::Logger log_{"lares.host.data"};
};

}  // namespace lares::host
