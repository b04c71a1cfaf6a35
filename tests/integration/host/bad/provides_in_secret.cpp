// SPDX-License-Identifier: Apache-2.0
// Provides what its descriptor does not say.
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

struct Secret {
  static constexpr std::string_view kServiceId = "secret/1";
};
static Secret secret;
LARES_PLUGIN(
        .name = "provides_in_secret", .version = "1",
        .create = [](lares::Server& server) -> lares::Plugin* {
          server.services().provide(secret);
          return new lares::Plugin;
        },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
