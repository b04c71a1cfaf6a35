// SPDX-License-Identifier: Apache-2.0
#include <ctl/command.hpp>
#include <ctl/settings.hpp>

#include <config/explain.hpp>
#include <config/loader.hpp>

#include <lares/base/error.hpp>

#include <fmt/format.h>

#include <cstdio>

namespace lares::ctl {

namespace {

int run(const Arguments& arguments) {
  const auto line = command_line(arguments);
  const auto host = load_host(line);
  const auto& keys = host.declarations().keys();
  std::shared_ptr<const config::LoadedConfig> loaded;
  if (!line.config_paths.empty()) {
    loaded =
        config::load({.paths = line.config_paths, .environment = config::lares_environment()}, keys).config;
    if (!loaded) {
      fmt::print(
          stderr,
          "The configuration has errors, so the value in force is not shown; see laresctl config check.\n");
    }
  }
  const auto text = config::explain(keys, arguments.words()[0], loaded.get());
  if (!text) {
    throw StartError(text.error());
  }
  fmt::print("{}", *text);
  return 0;
}

}  // namespace

Command config_explain_command() {
  return {
      .name = "config explain",
      .words = "KEY",
      .meaning =
          "Explains a key: type, default, when a change counts, which plugin reads it, its value and where "
          "that is from.",
      .options = {kConfigPath, kPluginFolder},
      .word_count = 1,
      .run = run};
}

}  // namespace lares::ctl
