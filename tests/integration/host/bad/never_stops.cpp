// SPDX-License-Identifier: Apache-2.0
// Waits for something that never happens, and does not care about being cancelled.
#include <lares/async/event.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

namespace {
class Stubborn final : public lares::Plugin {
  lares::Task<void> stop() noexcept override {
    for (;;) {
      co_await boost::asio::this_coro::throw_if_cancelled(false);
      try {
        co_await never_.wait();
      } catch (...) {
        continue;
      }
    }
  }
  lares::Event never_;
};
}  // namespace

LARES_PLUGIN(
        .name = "never_stops", .version = "1",
        .create = [](lares::Server&) -> lares::Plugin* { return new Stubborn; },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
