// SPDX-License-Identifier: Apache-2.0
// Does not get through its start.
#include <lares/async/event.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

namespace {
class Waiting final : public lares::Plugin {
  lares::Task<void> start() override { co_await never_.wait(); }
  lares::Event never_;
};
}  // namespace

LARES_PLUGIN(
        .name = "waits_for_ever", .version = "1",
        .create = [](lares::Server&) -> lares::Plugin* { return new Waiting; },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
