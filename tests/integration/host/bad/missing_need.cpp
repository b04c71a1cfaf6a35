// SPDX-License-Identifier: Apache-2.0
// Needs what nobody provides.
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

static constexpr const char* kNeeds[] = {"nobody.has-it/1", nullptr};
LARES_PLUGIN(
        .name = "missing_need", .version = "1", .needs = kNeeds,
        .create = [](lares::Server&) -> lares::Plugin* { return new lares::Plugin; },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
