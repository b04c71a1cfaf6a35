// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <config/loader.hpp>
#include <config/parts.hpp>
#include <config/schema.hpp>

namespace lares::config {

/// Every value of a configuration, read as declared and completed with defaults.
struct Checked {
  nlohmann::json root;
  Origins origins;
  std::vector<std::string> names;  ///< the files, then the variables that gave a value
  std::vector<Diagnostic> diagnostics;
  std::vector<std::string> absent_secrets;  ///< as LoadResult says
};

/// Reads the merged files and the environment by their declarations, one key at a time; what keys mean to
/// each other is the business of process_rules.hpp.
[[nodiscard]] Checked check_values(const Sources& sources, const KeySet& keys, Scope scope);

}  // namespace lares::config
