// SPDX-License-Identifier: Apache-2.0
// Stands on a house that has started, and does not start itself.
#include <lares/base/error.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

namespace {

class Failing final : public lares::Plugin {
  lares::Task<void> start() override { throw lares::StartError("the sky has fallen", 1); }
};

constexpr const char* kNeeds[] = {"roof/1", nullptr};

}  // namespace

LARES_PLUGIN(
        .name = "falls_short", .version = "1", .needs = kNeeds,
        .create = [](lares::Server&) -> lares::Plugin* { return new Failing; },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
