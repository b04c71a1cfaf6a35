// SPDX-License-Identifier: Apache-2.0
#include <lares/http/matrix_error.hpp>
#include <lares/http/router.hpp>
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/capabilities.hpp>

#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <utility>

namespace lares::discovery {

using http::Access;
using http::Anyone;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;
using nlohmann::json;

namespace {

std::string versions_body() {
  json versions =
      json::array({"r0.0.1", "r0.1.0", "r0.2.0", "r0.3.0", "r0.4.0", "r0.5.0", "r0.6.0", "r0.6.1"});
  for (int minor = 1; minor <= 12; ++minor) {
    versions.push_back("v1." + std::to_string(minor));
  }
  // Under this name clients look for further fields of profiles where the versions do not tell.
  const json features = {{"uk.tcpip.msc4133.stable", true}};
  return json{{"versions", versions}, {"unstable_features", features}}.dump();
}

/// What clients ask before anything else: versions, capabilities, where the server is.
class DiscoveryPlugin final : public Plugin {
 public:
  explicit DiscoveryPlugin(Server& server)
      : server_(server), versions_(std::make_shared<const std::string>(versions_body())) {
    http::Router& router = server.router();
    router.add<Access::Public>(Method::Get, {"/_matrix/client/versions"},
                               {.name = "VersionsRestServlet", .spec = "Client-Server API, API Versions"},
                               [this](const Anyone&, Request&) { return get_versions(); });
    router.add<Access::Guest>(
        Method::Get, http::client_paths("/capabilities"),
        {.name = "CapabilitiesRestServlet", .spec = "Client-Server API, Capabilities negotiation"},
        [this](const Requester&, Request&) { return get_capabilities(); });
    router.add<Access::Public>(Method::Get, {"/.well-known/matrix/client"}, {.name = "WellKnownClient"},
                               [this](const Anyone&, Request&) { return get_well_known(); });
  }

 private:
  Task<Response> get_versions() {
    Response response;
    response.shared_body = versions_;
    co_return response;
  }

  Task<Response> get_capabilities() {
    json capabilities = json::object();
    for (const service::Capabilities* plugin : server_.services().all<service::Capabilities>()) {
      plugin->add_capabilities(capabilities);
    }
    co_return Response::json({{"capabilities", std::move(capabilities)}});
  }

  Task<Response> get_well_known() {
    const std::string base_url = server_.config()->string("public_baseurl");
    if (base_url.empty()) {
      throw http::not_found("This server does not say where its clients find it.");
    }
    co_return Response::json({{"m.homeserver", {{"base_url", base_url}}}});
  }

  Server& server_;
  std::shared_ptr<const std::string> versions_;
};

constexpr const char* kProvides[] = {nullptr};
constexpr const char* kNeeds[] = {nullptr};

}  // namespace

}  // namespace lares::discovery

LARES_PLUGIN(
        .name = "discovery", .version = LARES_VERSION, .provides = lares::discovery::kProvides,
        .needs = lares::discovery::kNeeds,
        .create = [](lares::Server& server) -> lares::Plugin* {
          return new lares::discovery::DiscoveryPlugin(server);
        },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
