// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <config/diagnostics.hpp>
#include <config/document.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace lares::config {

/// Where to read a configuration from.
struct ReadOptions {
  /// Files and folders in the order of the command line. Of a folder, every `*.yaml` in the order of their
  /// names. A later file replaces whole top-level keys of the earlier ones, mappings and lists included, as
  /// Synapse does.
  std::vector<std::filesystem::path> paths;
  /// Variables that begin with LARES_; see lares_environment().
  std::map<std::string, std::string> environment;
  DocumentLimits limits = {};
  /// Whether the check also looks whether the files and folders that keys name are there.
  bool look_at_files = false;
  /// Whether a secret may stand in a file of the configuration itself.
  bool inline_secrets = true;
};

/// The variables of this process that begin with LARES_.
[[nodiscard]] std::map<std::string, std::string> lares_environment();

/// What stood in the files, merged; nothing of it is checked against declarations yet.
struct Sources {
  std::vector<std::string> names;  ///< the files in the order they were read; a Mark's `source` points here
  Node root;                       ///< a Mapping
  /// Top-level keys of an earlier file that a later one replaced, with both places: rules about workers ask
  /// for them.
  struct Replaced {
    std::string key;
    Mark before;
    Mark after;
    bool equal = false;  ///< both say the same
  };
  std::vector<Replaced> replaced;
  std::map<std::string, std::string> environment;
  DocumentLimits limits;
  std::vector<Diagnostic> diagnostics;  ///< files that could not be read or parsed
  bool complete = true;                 ///< false when a file is missing from `root`
  bool look_at_files = false;           ///< as ReadOptions says
  bool inline_secrets = true;           ///< as ReadOptions says
  std::vector<bool> world_readable;     ///< of each file, whether anyone on this machine can read it
};

/// Reads and merges. Never throws for what an administrator can get wrong: see Sources::diagnostics.
[[nodiscard]] Sources read_sources(const ReadOptions& options);

}  // namespace lares::config
