// SPDX-License-Identifier: Apache-2.0
#include <ctl/command.hpp>
#include <ctl/route_table.hpp>
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
    throw StartError("which routes there are depends on the configuration; name one with --config-path");
  }
  const auto settings = host::load_settings(line, host::Purpose::Ask);
  RealRuntime runtime;
  host::Assembly assembly(*settings.host, settings.config, runtime, host::KeyUse::Ephemeral);
  const auto& routes = assembly.router().routes();
  fmt::print("{}", arguments.has("--json") ? routes_as_json(routes) : routes_as_table(routes));
  return 0;
}

}  // namespace

Command routes_command() {
  return {.name = "routes",
          .words = "",
          .meaning =
              "Lists every endpoint that this process would serve: method, path, plugin, access, flags, "
              "shard key.",
          .options = {kConfigPath,
                      kPluginFolder,
                      {"--json", "", "", "as JSON, with the name and the specification too"}},
          .word_count = 0,
          .run = run};
}

}  // namespace lares::ctl
