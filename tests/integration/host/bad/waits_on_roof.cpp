// SPDX-License-Identifier: Apache-2.0
// Stands on a house that has started, and does not get through its own start.
#include <lares/async/event.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

namespace {

class Waiting final : public lares::Plugin {
  lares::Task<void> start() override { co_await never_.wait(); }
  lares::Event never_;
};

constexpr const char* kNeeds[] = {"roof/1", nullptr};

}  // namespace

LARES_PLUGIN(
        .name = "waits_on_roof", .version = "1", .needs = kNeeds,
        .create = [](lares::Server&) -> lares::Plugin* { return new Waiting; },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
