// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/plugin/config.hpp>

#include <string>
#include <vector>

namespace lares {

/// What a plugin did with a new configuration, one entry a key, for the log line that SIGHUP earns.
struct ReloadReport {
  std::vector<std::string> changed;  ///< keys now in force
  std::vector<std::string> refused;  ///< "key: reason"; the former value stays
};

/// One plugin of one server. Constructed with the Server; its constructor registers services and routes and
/// does no I/O. The order of calls: constructor, start, (reload)*, begin_drain, drain, stop, destructor.
///
/// **Threads**: all of these are called on the server's first loop.
class LARES_EXPORT Plugin {
 public:
  Plugin() = default;
  Plugin(const Plugin&) = delete;
  Plugin& operator=(const Plugin&) = delete;
  virtual ~Plugin();

  /// Everything in `needs` has started. Throw StartError with what an administrator can do.
  virtual Task<void> start();

  /// The server is about to stop: answer now what waits for something to happen (long polls), and start no
  /// further background work. Requests in flight go on and may ask this plugin for anything.
  virtual void begin_drain() noexcept;

  /// No request is in flight any more. Finish what is under way: commit what is queued. Everything in `needs`
  /// still works.
  /// **Cancellation**: cancelled at the deadline `drain_timeout`.
  virtual Task<void> drain();

  /// Release what was opened. Everything that needed this plugin has stopped; what it needs has not.
  virtual Task<void> stop() noexcept;

  /// A new configuration was read and checked. Only keys declared `Reload::Live` may differ from the one
  /// before.
  virtual ReloadReport reload(const Config& config);
};

}  // namespace lares
