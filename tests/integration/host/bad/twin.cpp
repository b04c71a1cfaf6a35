// SPDX-License-Identifier: Apache-2.0
// Built into two folders.
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

LARES_PLUGIN(
        .name = "twin", .version = "1",
        .create = [](lares::Server&) -> lares::Plugin* { return new lares::Plugin; },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
