// SPDX-License-Identifier: Apache-2.0
#include <ctl/command.hpp>
#include <ctl/settings.hpp>

#include <config/explain.hpp>

#include <fmt/format.h>

namespace lares::ctl {

namespace {

int run(const Arguments& arguments) {
  host::CommandLine line;
  for (const auto& folder : arguments.values(kPluginFolder.name)) {
    line.plugin_folders.emplace_back(folder);
  }
  const auto host = load_host(line);
  fmt::print("{}", config::reference(host.declarations().keys()));
  return 0;
}

}  // namespace

Command config_reference_command() {
  return {.name = "config reference",
          .words = "",
          .meaning = "Prints the reference of all keys in Markdown.",
          .options = {kPluginFolder},
          .word_count = 0,
          .run = run};
}

}  // namespace lares::ctl
