// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/cache_settings.hpp>
#include <lares/async/event.hpp>
#include <lares/async/task_group.hpp>
#include <lares/base/log.hpp>
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/server.hpp>

namespace lares::host {

/// Keeps a server's caches as the configuration says: `caches` and `event_cache_size`, live. Made before the
/// plugins are.
///
/// **Threads**: the first loop.
class Caches {
 public:
  explicit Caches(Server& server);

  static void declare(Declarations& declarations);

  /// Says which factors are of no cache, and begins to let go what nobody uses.
  void start();
  void reload(const Config& config);
  Task<void> stop() noexcept { co_await tasks_.stop(); }

 private:
  Task<void> expire();
  void warn_of_unknown(const Config& config) const;

  Server& server_;
  ServerCaches caches_;
  Notification changed_;
  TaskGroup tasks_;
  log::Logger log_{"lares.caches"};
};

}  // namespace lares::host
