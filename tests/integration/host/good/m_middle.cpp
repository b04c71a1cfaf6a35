// SPDX-License-Identifier: Apache-2.0
#include "recording.hpp"

namespace {
constexpr const char* kProvides[] = {"middle/1", nullptr};
constexpr const char* kNeeds[] = {"ground/1", nullptr};
}  // namespace

LARES_PLUGIN(
        .name = "m_middle", .version = "1", .provides = kProvides, .needs = kNeeds,
        .create = [](lares::Server&) -> lares::Plugin* { return new Recording("middle"); },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
