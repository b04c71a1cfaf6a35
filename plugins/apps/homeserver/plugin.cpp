// SPDX-License-Identifier: Apache-2.0
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/app.hpp>

namespace lares::homeserver {

namespace {

/// The main process: there is one of it, and alone it is the whole server.
class HomeserverPlugin final : public Plugin, public service::App {
 public:
  explicit HomeserverPlugin(Server& server) { server.services().provide<service::App>(*this); }

  [[nodiscard]] bool is_main() const noexcept override { return true; }
};

constexpr const char* kProvides[] = {"lares.app/1", nullptr};

}  // namespace

}  // namespace lares::homeserver

LARES_PLUGIN(
        .name = "homeserver", .version = LARES_VERSION, .provides = lares::homeserver::kProvides,
        .active = [](const lares::Server& server) { return server.app() == "homeserver"; },
        .create = [](lares::Server& server) -> lares::Plugin* {
          return new lares::homeserver::HomeserverPlugin(server);
        },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
