// SPDX-License-Identifier: Apache-2.0
// Has work that is never done.
#include <lares/async/event.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

namespace {
class Busy final : public lares::Plugin {
  lares::Task<void> drain() override { static_cast<void>(co_await never_.wait()); }
  lares::Event never_;
};
}  // namespace

LARES_PLUGIN(
        .name = "never_drains", .version = "1",
        .create = [](lares::Server&) -> lares::Plugin* { return new Busy; },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
