// SPDX-License-Identifier: Apache-2.0
#include <ctl/command.hpp>
#include <ctl/generate.hpp>

#include <config/scalars.hpp>

#include <lares/async/real_runtime.hpp>
#include <lares/base/error.hpp>

#include <fmt/format.h>

namespace lares::ctl {

namespace {

int run(const Arguments& arguments) {
  GenerateOptions options;
  options.server_name = arguments.value("--server-name").value_or("");
  if (options.server_name.empty()) {
    throw StartError("config generate needs --server-name NAME, which can never be changed later");
  }
  options.config_dir = arguments.value("--config-dir").value_or(".");
  options.data_dir = arguments.value("--data-dir").value_or("");
  options.bind_address = arguments.value("--bind-address").value_or(options.bind_address);
  if (const auto text = arguments.value("--port")) {
    const auto port = config::read_integer(*text);
    if (!port || *port < 0 || *port > UINT16_MAX) {
      throw StartError(fmt::format("--port {}: expected a number from 0 to 65535", *text));
    }
    options.port = static_cast<std::uint16_t>(*port);
  }
  options.open_registration = arguments.has("--open-registration");
  options.rate_limits = !arguments.has("--no-rate-limits");
  RealRuntime runtime;
  const auto written = generate(options, runtime);
  if (!written) {
    throw StartError(written.error());
  }
  for (const auto& path : *written) {
    fmt::print("wrote {}\n", path.string());
  }
  return 0;
}

}  // namespace

Command config_generate_command() {
  return {.name = "config generate",
          .words = "",
          .meaning = "Writes a commented homeserver.yaml, its secrets and a signing key.",
          .options = {{"--server-name", "-n", "NAME", "the server's name (required)"},
                      {"--config-dir", "", "FOLDER", "where to write; by default here"},
                      {"--data-dir", "", "FOLDER",
                       "where the server keeps its data; by default beside the configuration"},
                      {"--bind-address", "", "ADDRESS", "where it listens; by default 127.0.0.1"},
                      {"--port", "", "PORT", "where it listens; by default 8008"},
                      {"--open-registration", "", "", "let anyone register"},
                      {"--no-rate-limits", "", "", "switch rate limits off, for tests"}},
          .word_count = 0,
          .run = run};
}

}  // namespace lares::ctl
