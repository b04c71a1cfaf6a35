// SPDX-License-Identifier: Apache-2.0
#include <host/assembly.hpp>
#include <http/http_server.hpp>
#include <http/router_impl.hpp>

#include <lares/async/runtime.hpp>

namespace lares::host {

Assembly::Assembly(const Host& host, ConfigPtr config, Runtime& runtime, KeyUse key_use)
    : keys_(*config, runtime, key_use),
      router_(std::make_unique<http::RouterImpl>()),
      server_(config, runtime, *router_, runtime.metrics()) {
  server_.registry().set_plugin("host");
  router_->set_plugin("host");
  server_.services().provide<service::ServerKeys>(keys_);
  http_ = std::make_unique<http::HttpServer>(server_, *router_);
  server_.construct(host.catalogue());
}

Assembly::~Assembly() = default;

}  // namespace lares::host
