// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <host/caches.hpp>
#include <host/data_care_impl.hpp>
#include <host/host.hpp>
#include <host/module_host.hpp>
#include <host/server_impl.hpp>
#include <host/server_keys_impl.hpp>

#include <memory>

namespace lares {
class Runtime;
}
namespace lares::http {
class HttpServer;
class RouterImpl;
}  // namespace lares::http

namespace lares::host {

/// One server with all that the host puts around it: constructed, nothing started, no file touched but the
/// signing key where KeyUse says so.
///
///     Host host({});                                                       // loads and declares
///     auto result = config::check(sources, host.declarations().keys());
///     Assembly assembly(host, result.config, runtime, KeyUse::Ephemeral);  // constructs the active plugins
///     for (const auto& route : assembly.router().routes()) { ... }
///
/// **Threads**: the first loop of the runtime; before anything is started, any one thread.
/// **Lifetime**: shorter than the host's and the runtime's.
/// **Errors**: StartError.
class Assembly {
 public:
  Assembly(const Host& host, ConfigPtr config, Runtime& runtime, KeyUse key_use);
  Assembly(const Assembly&) = delete;
  Assembly& operator=(const Assembly&) = delete;
  ~Assembly();

  [[nodiscard]] const ServerKeysImpl& keys() const noexcept { return keys_; }
  [[nodiscard]] http::RouterImpl& router() noexcept { return *router_; }
  [[nodiscard]] ServerImpl& server() noexcept { return server_; }
  [[nodiscard]] http::HttpServer& http() noexcept { return *http_; }
  [[nodiscard]] Caches& caches() noexcept { return caches_; }
  [[nodiscard]] DataCareImpl& data_care() noexcept { return data_care_; }
  [[nodiscard]] ModuleHost& modules() noexcept { return *modules_; }

 private:
  ServerKeysImpl keys_;
  std::unique_ptr<http::RouterImpl> router_;
  ServerImpl server_;
  Caches caches_;
  std::unique_ptr<http::HttpServer> http_;
  std::unique_ptr<ModuleHost> modules_;
  DataCareImpl data_care_;
};

}  // namespace lares::host
