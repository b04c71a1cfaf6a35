// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task_group.hpp>
#include <lares/base/log.hpp>
#include <lares/base/metrics.hpp>
#include <lares/plugin/server.hpp>
#include <lares/storage/database.hpp>

#include <cstdint>
#include <string>

namespace lares::identity {

/// Counts once an hour the accounts that are not deactivated, by the application service that they belong to,
/// for `synapse_non_deactivated_user_count`. The process that does a server's background work does it.
///
/// **Threads**: any.
class UserCensus {
 public:
  UserCensus(Server& server, storage::Database& database);

  void start();
  Task<void> stop() noexcept { co_await tasks_.stop(); }

 private:
  Task<void> run();
  Task<void> count();

  Server& server_;
  storage::Database& database_;
  metrics::Family<metrics::Gauge> users_;
  TaskGroup tasks_;
  log::Logger log_{"lares.identity"};
};

}  // namespace lares::identity
