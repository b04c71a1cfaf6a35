// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/storage/background_update.hpp>
#include <lares/storage/purge.hpp>

#include <string_view>

namespace lares::service {

/// The work on the database that goes by what all plugins declared about their tables. Provided by the host;
/// usable once the storage plugin has started.
///
/// **Threads**: any.
class LARES_EXPORT DataCare {
 public:
  static constexpr std::string_view kServiceId = "lares.data-care/1";
  virtual ~DataCare();

  /// Whether this process does the server's background work (`run_background_tasks_on`).
  [[nodiscard]] virtual bool works_here() const = 0;

  /// Deletes everything that a room, user or device owns, in bounded steps; see storage::purge_owner.
  virtual Task<storage::PurgeReport> purge(storage::OwnerId owner) = 0;

  /// The background updates of this server, for looking at, pausing and starting them.
  /// **Errors**: std::logic_error before the storage plugin has started.
  [[nodiscard]] virtual storage::BackgroundUpdates& background_updates() = 0;
};

}  // namespace lares::service
