// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <host/service_registry_impl.hpp>

#include <lares/async/task.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace lares::host {

class Catalogue;
class PluginLibrary;

/// What a reload did, plugin by plugin, for the one log line it earns.
struct ServerReload {
  std::vector<std::string> changed;  ///< keys now in force
  std::vector<std::string> refused;  ///< "key: reason"
  std::vector<std::string> restart;  ///< keys that differ and take effect at the next start
};

/// One server and its plugins, from construction to destruction.
///
/// **Threads**: the first loop, except what Server promises.
/// **Lifetime**: router, metrics and runtime outlive it; so does the catalogue.
class ServerImpl final : public Server {
 public:
  ServerImpl(ConfigPtr config, Runtime& runtime, http::Router& router, metrics::Registry& metrics);
  ~ServerImpl() override;

  [[nodiscard]] const std::string& name() const noexcept override { return name_; }
  [[nodiscard]] const std::string& instance() const noexcept override { return instance_; }
  [[nodiscard]] const std::string& app() const noexcept override { return app_; }
  [[nodiscard]] ConfigPtr config() const noexcept override;
  [[nodiscard]] Runtime& runtime() noexcept override { return runtime_; }
  [[nodiscard]] ServiceRegistry& services() noexcept override { return services_; }
  [[nodiscard]] http::Router& router() noexcept override { return router_; }
  [[nodiscard]] metrics::Registry& metrics() noexcept override { return metrics_; }

  /// The registry, for what the host itself provides before plugins are constructed.
  [[nodiscard]] ServiceRegistryImpl& registry() noexcept { return services_; }

  /// Constructs the active plugins of the catalogue in start order. No I/O.
  /// **Errors**: StartError; what was constructed before is destroyed again.
  void construct(const Catalogue& catalogue);

  /// Starts the plugins in order. **Errors**: StartError naming the plugin; those already started are stopped
  /// first.
  Task<void> start();
  /// Drains in reverse order until `drain_timeout` has passed; what is then still under way is cancelled.
  Task<void> drain(std::chrono::milliseconds timeout);
  /// Stops those that started, in reverse order. A plugin that does not stop in time is named and left.
  Task<void> stop(std::chrono::milliseconds timeout);

  /// Puts a checked configuration in force and lets the plugins take up what is declared live.
  ServerReload reload(ConfigPtr config);

  /// Names of the active plugins in start order.
  [[nodiscard]] std::vector<std::string> plugin_names() const;

 private:
  struct Active {
    const PluginLibrary* library;
    Plugin* plugin;
    bool started = false;
  };

  void destroy_plugins() noexcept;

  std::atomic<ConfigPtr> config_;
  Runtime& runtime_;
  http::Router& router_;
  metrics::Registry& metrics_;
  ServiceRegistryImpl services_;
  std::string name_;
  std::string instance_;
  std::string app_;
  std::vector<Active> plugins_;
};

}  // namespace lares::host
