// SPDX-License-Identifier: Apache-2.0
// Stands on a house, and throws at its end what does not say why.
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

namespace {

class Throwing final : public lares::Plugin {
  lares::Task<void> stop() noexcept override {
    throw 7;
    co_return;
  }
};

constexpr const char* kNeeds[] = {"roof/1", nullptr};

}  // namespace

LARES_PLUGIN(
        .name = "throws_a_number_at_its_end", .version = "1", .needs = kNeeds,
        .create = [](lares::Server&) -> lares::Plugin* { return new Throwing; },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
