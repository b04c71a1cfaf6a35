// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <config/diagnostics.hpp>
#include <config/key_set.hpp>
#include <config/loaded_config.hpp>
#include <config/sources.hpp>

#include <memory>
#include <vector>

namespace lares::config {

/// The outcome of a check: every error at once, each with its place.
struct LoadResult {
  std::shared_ptr<const LoadedConfig> config;  ///< null when there is an error
  std::vector<Diagnostic> diagnostics;         ///< in the order of files and lines; warnings too
  /// Files with secrets that the server makes up where there is none, and there is none: the values are null.
  std::vector<std::string> absent_secrets = {};
};

enum class Scope {
  /// Every key must be declared, or be one of Synapse's that has no effect here (a warning).
  Everything,
  /// Only what is declared is looked at. For the first pass of a process, which has to know `plugin_folders`
  /// and
  /// `modules` before the plugins that declare the rest are loaded.
  DeclaredOnly,
};

/// Checks what was read against declarations: unknown keys (with the nearest known one), wrong types, values
/// out of range, missing required keys, secrets in files that others can read, and the rules between keys of
/// the process and its workers. Reads the files that KEY_path keys name.
///
/// The start of a process:
///
///     config::KeySet keys;
///     config::declare_host_keys(keys);                                    // config/host_keys.hpp
///     auto sources = config::read_sources({.paths = paths, .environment = config::lares_environment()});
///     auto first = config::check(sources, keys, config::Scope::DeclaredOnly);
///     // load the plugins of first.config->strings("plugin_folders"); each Declarations::config(key) calls
///     // keys.add(plugin_name, key)
///     auto result = config::check(sources, keys);
///     for (const auto& d : result.diagnostics) { report(config::to_string(d)); }
///     if (!result.config) { return kExitConfig; }
///
/// On SIGHUP: read_sources and check again; with errors, report and keep what is in force; else log
/// diff(before, after) and give plugins apply_live(before, after).
[[nodiscard]] LoadResult check(const Sources& sources, const KeySet& keys, Scope scope = Scope::Everything);

/// read_sources and check in one.
[[nodiscard]] LoadResult load(const ReadOptions& options, const KeySet& keys,
                              Scope scope = Scope::Everything);

}  // namespace lares::config
