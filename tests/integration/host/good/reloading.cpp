// SPDX-License-Identifier: Apache-2.0
// Three keys: one that it takes up while running, one that it refuses, one that waits for a restart.
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

namespace {

class Reloading final : public lares::Plugin {
  lares::ReloadReport reload(const lares::Config& config) override {
    if (config.integer("test_picky") > 5) {
      return {.changed = {}, .refused = {"test_picky: at most 5 while users are there"}};
    }
    return {};
  }
};

void declare(lares::Declarations& declarations) {
  using lares::ConfigType;
  using lares::Reload;
  const auto key = [&declarations](const char* path, Reload reload) {
    declarations.config({.path = path,
                         .type = ConfigType::Integer,
                         .default_value = "1",
                         .meaning = "A test.",
                         .reload = reload});
  };
  key("test_live", Reload::Live);
  key("test_picky", Reload::Live);
  key("test_restart", Reload::Restart);
}

}  // namespace

LARES_PLUGIN(
        .name = "reloading", .version = "1", .declare = &declare,
        .create = [](lares::Server&) -> lares::Plugin* { return new Reloading; },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
