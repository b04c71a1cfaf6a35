// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <host/command_line.hpp>
#include <host/host.hpp>

#include <config/loader.hpp>

#include <lares/crypto/random_source.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace lares::host {

/// The plugins and the checked configuration of a process.
struct Settings {
  std::unique_ptr<Host> host;
  std::shared_ptr<const config::LoadedConfig> config;
  std::vector<std::string> absent_secrets = {};  ///< files that make_absent_secrets() is to make
};

/// What a configuration is read for.
enum class Purpose {
  Run,  ///< for a process here: files, folders and modules that it names have to be there
  Ask,  ///< for what it says, perhaps on another machine
};

/// Reads the configuration so far as to find the plugins, loads them, and checks the whole against what they
/// declare. Warnings and errors are said on standard error, one line each.
/// **Errors**: StartError with exit code 78; its text may be empty, where all is said already.
[[nodiscard]] Settings load_settings(const CommandLine& command_line, Purpose purpose = Purpose::Run);

/// Makes the files of secrets that nobody has to know beforehand, where a KEY_path names one that is not
/// there, and reads the configuration again.
/// **Errors**: StartError naming the file that cannot be written.
void make_absent_secrets(const CommandLine& command_line, Settings& settings, crypto::RandomSource& random);

/// The plugin folders that the command line names, else the configuration, else those of the installation.
[[nodiscard]] std::vector<std::filesystem::path> plugin_folders(const CommandLine& command_line);

/// Reads and checks once more, for a reload. The plugins stay as they are.
[[nodiscard]] config::LoadResult reload_settings(const CommandLine& command_line, const Host& host);

}  // namespace lares::host
