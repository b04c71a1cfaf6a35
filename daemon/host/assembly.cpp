// SPDX-License-Identifier: Apache-2.0
#include <host/assembly.hpp>
#include <http/http_server.hpp>
#include <http/router_impl.hpp>

#include <lares/async/runtime.hpp>
#include <lares/base/error.hpp>
#include <lares/service/app.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

namespace lares::host {
namespace {

// What a process is, a plugin of its own brings.
void require_app(const Catalogue& catalogue, const std::string& app) {
  std::vector<std::string> apps;
  for (const PluginLibrary& library : catalogue.plugins()) {
    const std::vector<std::string>& provides = library.note().provides;
    if (std::ranges::find(provides, service::App::kServiceId) != provides.end()) {
      apps.push_back(library.name());
    }
  }
  if (!apps.empty() && std::ranges::find(apps, app) == apps.end()) {
    throw StartError(
        fmt::format("worker_app is {0}, and the plugin folders have no app of that name, but {1}. Install "
                    "the plugin \"{0}\", or have this process be one of these.",
                    app, fmt::join(apps, ", ")));
  }
}

}  // namespace

Assembly::Assembly(const Host& host, ConfigPtr config, Runtime& runtime, KeyUse key_use)
    : keys_(*config, runtime, key_use),
      router_(std::make_unique<http::RouterImpl>()),
      server_(config, runtime, *router_, runtime.metrics()),
      caches_(server_),
      data_care_(server_, host.declarations().schemas()) {
  server_.registry().set_plugin("host");
  router_->set_plugin("host");
  server_.services().provide<service::ServerKeys>(keys_);
  server_.services().provide<service::DataCare>(data_care_);
  http_ = std::make_unique<http::HttpServer>(server_, *router_);
  modules_ = std::make_unique<ModuleHost>(server_, module_places(*server_.config()));
  server_.services().provide<service::SpamChecker>(*modules_);
  require_app(host.catalogue(), server_.app());
  server_.construct(host.catalogue());
}

Assembly::~Assembly() = default;

}  // namespace lares::host
