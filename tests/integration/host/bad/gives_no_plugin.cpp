// SPDX-License-Identifier: Apache-2.0
// Makes nothing.
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

LARES_PLUGIN(
        .name = "gives_no_plugin", .version = "1",
        .create = [](lares::Server&) -> lares::Plugin* { return nullptr; },
        .destroy = [](lares::Plugin*) noexcept {})
