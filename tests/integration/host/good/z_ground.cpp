// SPDX-License-Identifier: Apache-2.0
#include "recording.hpp"

namespace {
constexpr const char* kProvides[] = {"ground/1", nullptr};
constexpr const char* kNeeds[] = {nullptr};
}  // namespace

LARES_PLUGIN(
        .name = "z_ground", .version = "1", .provides = kProvides, .needs = kNeeds,
        .create = [](lares::Server&) -> lares::Plugin* { return new Recording("ground"); },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
