// SPDX-License-Identifier: Apache-2.0
#include <host/settings.hpp>

#include <lares/base/error.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <utility>

namespace lares::host {
namespace {

config::Sources read(const CommandLine& command_line) {
  return config::read_sources(
      {.paths = command_line.config_paths, .environment = config::lares_environment()});
}

std::vector<std::filesystem::path> plugin_folders(const CommandLine& command_line,
                                                  const config::Sources& sources) {
  if (!command_line.plugin_folders.empty()) {
    return command_line.plugin_folders;
  }
  DeclarationsImpl own;
  declare_daemon_keys(own);
  std::vector<std::filesystem::path> folders;
  // With an error the installed plugins are taken, so that the full check can name all errors at once.
  if (const auto first = config::check(sources, own.keys(), config::Scope::DeclaredOnly); first.config) {
    for (auto& folder : first.config->strings("plugin_folders")) {
      folders.emplace_back(std::move(folder));
    }
  }
  return folders.empty() ? std::vector{default_plugin_folder()} : folders;
}

}  // namespace

Settings load_settings(const CommandLine& command_line) {
  const auto sources = read(command_line);
  Settings settings;
  settings.host =
      std::make_unique<Host>(HostOptions{.plugin_folders = plugin_folders(command_line, sources)});
  auto result = config::check(sources, settings.host->declarations().keys());
  for (const auto& diagnostic : result.diagnostics) {
    fmt::print(stderr, "{}\n", config::to_string(diagnostic));
  }
  if (!result.config) {
    throw StartError("");
  }
  settings.config = std::move(result.config);
  return settings;
}

std::vector<std::filesystem::path> plugin_folders(const CommandLine& command_line) {
  return plugin_folders(command_line, read(command_line));
}

config::LoadResult reload_settings(const CommandLine& command_line, const Host& host) {
  const auto sources = read(command_line);
  return config::check(sources, host.declarations().keys());
}

}  // namespace lares::host
