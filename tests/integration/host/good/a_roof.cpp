// SPDX-License-Identifier: Apache-2.0
#include "recording.hpp"

namespace {
constexpr const char* kProvides[] = {"roof/1", nullptr};
constexpr const char* kNeeds[] = {"middle/1", "ground/1", nullptr};
}  // namespace

LARES_PLUGIN(
        .name = "a_roof", .version = "1", .provides = kProvides, .needs = kNeeds,
        .create = [](lares::Server&) -> lares::Plugin* { return new Recording("roof"); },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
