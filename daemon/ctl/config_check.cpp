// SPDX-License-Identifier: Apache-2.0
#include <ctl/command.hpp>
#include <ctl/settings.hpp>

#include <host/assembly.hpp>
#include <http/router_impl.hpp>

#include <lares/async/real_runtime.hpp>
#include <lares/base/error.hpp>

#include <fmt/format.h>

namespace lares::ctl {

namespace {

int run(const Arguments& arguments) {
  const auto line = command_line(arguments);
  if (line.config_paths.empty()) {
    throw StartError("there is no configuration in /etc/lares; name one with --config-path");
  }
  const auto settings = host::load_settings(line);
  // Constructing does no I/O and finds what only a plugin can judge.
  RealRuntime runtime;
  host::Assembly assembly(*settings.host, settings.config, runtime, host::KeyUse::Ephemeral);
  fmt::print("The configuration of {} is right: {} plugins would start with {} routes.\n",
             assembly.server().name(), assembly.server().plugin_names().size(),
             assembly.router().routes().size());
  return 0;
}

}  // namespace

Command config_check_command() {
  return {.name = "config check",
          .words = "",
          .meaning = "Says everything that is wrong with a configuration, with file, line and key.",
          .options = {kConfigPath, kPluginFolder},
          .word_count = 0,
          .run = run};
}

}  // namespace lares::ctl
