// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <host/command_line.hpp>

#include <filesystem>

namespace lares::host {

/// Loads one plugin or module as the daemon would, lets a plugin declare, and prints one line that says what
/// it is. What every load test runs.
/// **Errors**: StartError naming file, reason and remedy.
[[nodiscard]] int check_plugin(const std::filesystem::path& file);

/// Prints a line for each library in the plugin folders: name, version, what it provides, needs and uses.
/// Nothing of them runs. Gives the exit code: 78 if one of them would be refused by its note.
[[nodiscard]] int list_plugins(const CommandLine& command_line);

}  // namespace lares::host
