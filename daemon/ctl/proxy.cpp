// SPDX-License-Identifier: Apache-2.0
#include <ctl/command.hpp>
#include <ctl/proxy_config.hpp>
#include <ctl/settings.hpp>

#include <host/assembly.hpp>
#include <http/router_impl.hpp>

#include <lares/async/real_runtime.hpp>
#include <lares/base/error.hpp>

#include <fmt/format.h>

namespace lares::ctl {

namespace {

int run(const Arguments& arguments) {
  if (arguments.words().front() != "nginx") {
    throw StartError("configurations are made for nginx; it is to be named: laresctl proxy nginx");
  }
  const auto line = command_line(arguments);
  const auto listen = arguments.value("--listen");
  const auto main = arguments.value("--main");
  if (line.config_paths.empty() || !listen || !main) {
    throw StartError("--config-path, --listen and --main are needed");
  }
  const auto settings = host::load_settings(line, host::Purpose::Ask);
  RealRuntime runtime;
  host::Assembly assembly(*settings.host, settings.config, runtime, host::KeyUse::Ephemeral);
  fmt::print("{}", nginx_config(assembly.router().routes(),
                                {.listen = *listen, .main = *main, .readers = arguments.values("--reader")}));
  return 0;
}

}  // namespace

Command proxy_command() {
  return {
      .name = "proxy",
      .words = "nginx",
      .meaning = "Prints a reverse proxy's configuration for several processes, made from their routes.",
      .options = {kConfigPath,
                  kPluginFolder,
                  {"--listen", "", "ADDRESS", "where clients connect, as nginx writes it"},
                  {"--main", "", "ADDRESS", "a client listener of the main process; unix:PATH for a socket"},
                  {"--reader", "", "ADDRESS", "one of a worker that takes reads and /sync; may be repeated"}},
      .word_count = 1,
      .run = run};
}

}  // namespace lares::ctl
