// SPDX-License-Identifier: Apache-2.0
// One half of a circle.
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

static constexpr const char* kProvides[] = {"circle.a/1", nullptr};
static constexpr const char* kNeeds[] = {"circle.b/1", nullptr};
LARES_PLUGIN(
        .name = "needs_b", .version = "1", .provides = kProvides, .needs = kNeeds,
        .create = [](lares::Server&) -> lares::Plugin* { return new lares::Plugin; },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
