// SPDX-License-Identifier: Apache-2.0
#include <host/module_host.hpp>
#include <host/module_library.hpp>
#include <host/settings.hpp>

#include <config/secret_file.hpp>

#include <lares/base/error.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

namespace lares::host {
namespace {

config::Sources read(const CommandLine& command_line, bool look_at_files) {
  return config::read_sources({.paths = command_line.config_paths,
                               .environment = config::lares_environment(),
                               .look_at_files = look_at_files,
                               .inline_secrets = command_line.inline_secrets});
}

/// What says where plugins and modules are, looked at alone, so that an error elsewhere hides none of theirs;
/// null where it is wrong itself.
std::shared_ptr<const config::LoadedConfig> read_places(const config::Sources& sources) {
  DeclarationsImpl own;
  declare_daemon_keys(own);
  config::KeySet places;
  for (const auto& [path, declared] : own.keys().all()) {
    if (path == "plugin_folders" || path == "module_folders" || path == "modules" ||
        path.starts_with("modules[].")) {
      places.add("host", declared.key);
    }
  }
  return config::check(sources, places, config::Scope::DeclaredOnly).config;
}

config::Diagnostic wrong(const config::LoadedConfig& places, const std::string& key, std::string message) {
  return {config::Severity::Error, places.origin(key), 0, key, std::move(message)};
}

std::vector<config::Diagnostic> check_plugin_folders(const config::LoadedConfig& places) {
  std::vector<config::Diagnostic> problems;
  for (const auto& folder : places.strings("plugin_folders")) {
    try {
      static_cast<void>(libraries_in(folder));
    } catch (const StartError& error) {
      problems.push_back(wrong(places, "plugin_folders", error.what()));
    }
  }
  return problems;
}

std::vector<config::Diagnostic> check_modules(const config::LoadedConfig& places) {
  std::vector<config::Diagnostic> problems;
  const auto folders = module_places(places).folders;
  const auto& modules = places.get("modules");
  for (std::size_t i = 0; i < modules.size(); ++i) {
    try {
      static_cast<void>(check_module(find_module(modules[i].at("module").get<std::string>(), folders)));
    } catch (const StartError& error) {
      problems.push_back(wrong(places, fmt::format("modules[{}].module", i), error.what()));
    }
  }
  return problems;
}

std::vector<std::filesystem::path> plugin_folders(const CommandLine& command_line,
                                                  const config::LoadedConfig* places) {
  if (!command_line.plugin_folders.empty()) {
    return command_line.plugin_folders;
  }
  std::vector<std::filesystem::path> folders;
  // With an error the installed plugins are taken, so that the full check can name all errors at once.
  if (places != nullptr) {
    for (auto& folder : places->strings("plugin_folders")) {
      folders.emplace_back(std::move(folder));
    }
  }
  return folders.empty() ? std::vector{default_plugin_folder()} : folders;
}

void report(const std::vector<config::Diagnostic>& diagnostics) {
  for (const auto& diagnostic : diagnostics) {
    fmt::print(stderr, "{}\n", config::to_string(diagnostic));
  }
}

}  // namespace

Settings load_settings(const CommandLine& command_line, Purpose purpose) {
  auto sources = read(command_line, false);
  const auto places = read_places(sources);
  std::vector<config::Diagnostic> problems;
  if (places && purpose == Purpose::Run) {
    problems = check_modules(*places);
  }
  if (places && command_line.plugin_folders.empty()) {
    if (const auto folders = check_plugin_folders(*places); !folders.empty()) {
      report(folders);
      report(problems);
      throw StartError("");
    }
  }
  Settings settings;
  settings.host =
      std::make_unique<Host>(HostOptions{.plugin_folders = plugin_folders(command_line, places.get())});
  sources.look_at_files = purpose == Purpose::Run;
  auto result = config::check(sources, settings.host->declarations().keys());
  report(result.diagnostics);
  report(problems);
  if (!result.config || !problems.empty()) {
    throw StartError("");
  }
  settings.config = std::move(result.config);
  settings.absent_secrets = std::move(result.absent_secrets);
  return settings;
}

void make_absent_secrets(const CommandLine& command_line, Settings& settings, crypto::RandomSource& random) {
  if (settings.absent_secrets.empty()) {
    return;
  }
  constexpr std::size_t kLength = 48;
  for (const std::filesystem::path file : settings.absent_secrets) {
    const auto written = config::write_secret_file(file, crypto::random_alphanumeric(random, kLength) + "\n");
    // Another process of this server that starts at the same time may have been faster.
    if (std::error_code error; !written && !std::filesystem::exists(file, error)) {
      throw StartError(written.error());
    }
  }
  settings.absent_secrets.clear();
  auto result = reload_settings(command_line, *settings.host);
  if (!result.config) {
    report(result.diagnostics);
    throw StartError("");
  }
  settings.config = std::move(result.config);
}

std::vector<std::filesystem::path> plugin_folders(const CommandLine& command_line) {
  return plugin_folders(command_line, read_places(read(command_line, false)).get());
}

config::LoadResult reload_settings(const CommandLine& command_line, const Host& host) {
  const auto sources = read(command_line, true);
  return config::check(sources, host.declarations().keys());
}

}  // namespace lares::host
