// SPDX-License-Identifier: Apache-2.0
// One of two that provide the same.
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

struct Throne {
  static constexpr std::string_view kServiceId = "throne/1";
};
static Throne throne;
static constexpr const char* kProvides[] = {"throne/1", nullptr};
LARES_PLUGIN(
        .name = "provides_one", .version = "1", .provides = kProvides,
        .create = [](lares::Server& server) -> lares::Plugin* {
          server.services().provide(throne);
          return new lares::Plugin;
        },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
