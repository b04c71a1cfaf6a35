// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace lares::host {

/// What laresd is asked to do.
struct CommandLine {
  enum class Action { Run, ListPlugins, CheckConfig, CheckPlugin, GenerateKeys, Version, Help };

  Action action = Action::Run;
  std::vector<std::filesystem::path> config_paths;    ///< files and folders, in order
  std::vector<std::filesystem::path> plugin_folders;  ///< instead of what the configuration names
  std::filesystem::path plugin;                       ///< of CheckPlugin
  bool inline_secrets = true;                         ///< whether files of the configuration may hold secrets
};

/// Reads the arguments after the program's name. **Errors**: a sentence that says what was not understood.
[[nodiscard]] std::expected<CommandLine, std::string> parse_command_line(
    std::span<const char* const> arguments);

/// The text of `--help`.
[[nodiscard]] std::string usage();

}  // namespace lares::host
