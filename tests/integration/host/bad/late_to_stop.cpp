// SPDX-License-Identifier: Apache-2.0
// Waits at its stop for something that never happens, until it is cancelled.
#include <lares/async/event.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

namespace {
class Late final : public lares::Plugin {
  lares::Task<void> stop() noexcept override {
    try {
      co_await never_.wait();
    } catch (...) {
      co_return;
    }
  }
  lares::Event never_;
};
}  // namespace

LARES_PLUGIN(
        .name = "late_to_stop", .version = "1",
        .create = [](lares::Server&) -> lares::Plugin* { return new Late; },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
