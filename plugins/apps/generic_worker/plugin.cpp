// SPDX-License-Identifier: Apache-2.0
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/app.hpp>

namespace lares::generic_worker {

namespace {

/// A process that takes any request, and writes what `stream_writers` names it for.
class GenericWorkerPlugin final : public Plugin, public service::App {
 public:
  explicit GenericWorkerPlugin(Server& server) { server.services().provide<service::App>(*this); }

  [[nodiscard]] bool is_main() const noexcept override { return false; }
};

constexpr const char* kProvides[] = {"lares.app/1", nullptr};

}  // namespace

}  // namespace lares::generic_worker

LARES_PLUGIN(
        .name = "generic_worker", .version = LARES_VERSION, .provides = lares::generic_worker::kProvides,
        .active = [](const lares::Server& server) { return server.app() == "generic_worker"; },
        .create = [](lares::Server& server) -> lares::Plugin* {
          return new lares::generic_worker::GenericWorkerPlugin(server);
        },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
