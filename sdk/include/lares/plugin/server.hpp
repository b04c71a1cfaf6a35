// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/plugin/config.hpp>
#include <lares/plugin/service_registry.hpp>

#include <cstdint>
#include <string>

namespace lares {
class Runtime;
}
namespace lares::http {
class Router;
}
namespace lares::metrics {
class Registry;
}

namespace lares {

/// Everything of one homeserver in one process: name, configuration, services, routes. In the process nothing
/// is "the" server: plugins are created with one of these and keep to it. Process-wide are the Runtime
/// (loops, pools), logs and the loaded libraries alone.
///
/// **Lifetime**: longer than every plugin created with it.
class LARES_EXPORT Server {
 public:
  virtual ~Server();

  /// `server_name` of the configuration: what stands behind the colon in every identifier made here.
  [[nodiscard]] virtual const std::string& name() const noexcept = 0;
  /// `worker_name`, or "master" for the main process: this process's name among the writers.
  [[nodiscard]] virtual const std::string& instance() const noexcept = 0;
  /// `worker_app` without its "synapse.app." prefix; "homeserver" for the main process.
  [[nodiscard]] virtual const std::string& app() const noexcept = 0;

  /// The configuration in force. Hold the pointer for the length of one use; a reload replaces it.
  [[nodiscard]] virtual ConfigPtr config() const noexcept = 0;
  [[nodiscard]] virtual Runtime& runtime() noexcept = 0;
  [[nodiscard]] virtual ServiceRegistry& services() noexcept = 0;
  [[nodiscard]] virtual http::Router& router() noexcept = 0;
  [[nodiscard]] virtual metrics::Registry& metrics() noexcept = 0;
};

}  // namespace lares
