// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <host/service_registry_impl.hpp>

#include <lares/async/task.hpp>
#include <lares/async/task_group.hpp>
#include <lares/base/log.hpp>
#include <lares/base/time.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace lares::http {
class RouterImpl;
}
namespace lares::storage {
class Database;
}

namespace lares::host {

class Catalogue;
class PluginLibrary;

/// One server and its plugins, from construction to destruction.
///
/// **Threads**: the first loop, except what Server promises.
/// **Lifetime**: router, metrics, runtime and catalogue outlive it.
class ServerImpl final : public Server {
 public:
  ServerImpl(ConfigPtr config, Runtime& runtime, http::RouterImpl& router, metrics::Registry& metrics);
  ~ServerImpl() override;

  [[nodiscard]] const std::string& name() const noexcept override { return name_; }
  [[nodiscard]] const std::string& instance() const noexcept override { return instance_; }
  [[nodiscard]] const std::string& app() const noexcept override { return app_; }
  [[nodiscard]] ConfigPtr config() const noexcept override;
  [[nodiscard]] Runtime& runtime() noexcept override { return runtime_; }
  [[nodiscard]] ServiceRegistry& services() noexcept override { return services_; }
  [[nodiscard]] http::Router& router() noexcept override;
  [[nodiscard]] metrics::Registry& metrics() noexcept override { return metrics_; }

  /// The registry, for what the host itself provides before plugins are constructed.
  [[nodiscard]] ServiceRegistryImpl& registry() noexcept { return services_; }

  /// Constructs the active plugins of the catalogue in start order. No I/O.
  /// **Errors**: StartError; what was constructed before is destroyed again.
  void construct(const Catalogue& catalogue);

  /// What to do with the database as soon as the plugin that provides it has started, before anyone uses it:
  /// migrations.
  using DatabaseStep = std::function<Task<void>(storage::Database& database)>;

  /// Starts the plugins in order, each within `timeout`.
  /// **Errors**: StartError naming the plugin; those that started wait for stop().
  /// **Cancellation**: between plugins and where the plugin that is starting allows it; then stop().
  Task<void> start(std::chrono::milliseconds timeout, DatabaseStep database_step);
  /// Tells every plugin that has started that the server is about to stop.
  void begin_drain() noexcept;
  /// Drains in reverse order until `deadline`; what is then still under way is cancelled. A plugin whose
  /// start() was called counts as one that has started, even where that failed: it may have begun something.
  Task<void> drain(SteadyTime deadline);
  /// Stops those that started, in reverse order. A plugin that has not stopped at its deadline is named in
  /// the log and left as it is: it is not destroyed, and clean() says so.
  Task<void> stop(std::chrono::milliseconds timeout);
  /// False if something was left running: the process then has to end without running destructors.
  [[nodiscard]] bool clean() const noexcept { return abandoned_.empty() && unfinished_.empty(); }

  /// Puts a checked configuration in force and lets the plugins take up what is declared live.
  ReloadReport reload(ConfigPtr config);

  /// Names of the active plugins in start order.
  [[nodiscard]] std::vector<std::string> plugin_names() const;

 private:
  struct Active {
    const PluginLibrary* library;
    Plugin* plugin;
    bool started = false;
  };

  enum class Outcome { Done, Late, Abandoned };
  // Runs one call into a plugin for a limited time. Throws what it throws.
  Task<Outcome> limited(const Active& active, const char* step, Task<void> task, SteadyTime deadline);
  // Waits for what a start that was cut off still does, for a limited time.
  Task<void> settle();
  void construct_one(const PluginLibrary& library);
  void destroy_plugins() noexcept;

  mutable std::mutex config_mutex_;
  ConfigPtr config_;
  Runtime& runtime_;
  http::RouterImpl& router_;
  metrics::Registry& metrics_;
  ServiceRegistryImpl services_;
  std::string name_;
  std::string instance_;
  std::string app_;
  std::vector<Active> plugins_;
  std::vector<std::shared_ptr<TaskGroup>> unfinished_;
  std::vector<std::shared_ptr<TaskGroup>> abandoned_;
  log::Logger log_{"lares.host"};
};

}  // namespace lares::host
