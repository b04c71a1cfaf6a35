// SPDX-License-Identifier: Apache-2.0
#include <config/loader.hpp>

#include <config/checker.hpp>
#include <config/process_rules.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

namespace lares::config {

namespace {

/// In the order in which the files were read, then by line; what is in no file comes first.
std::vector<Diagnostic> sort_by_place(std::vector<Diagnostic> diagnostics,
                                      const std::vector<std::string>& names) {
  std::multimap<std::pair<std::ptrdiff_t, int>, Diagnostic> sorted;
  for (auto& diagnostic : diagnostics) {
    const auto file =
        diagnostic.file.empty() ? -1 : std::ranges::find(names, diagnostic.file) - names.begin();
    sorted.emplace(std::pair(file, diagnostic.line), std::move(diagnostic));
  }
  diagnostics.clear();
  for (auto& [place, diagnostic] : sorted) {
    diagnostics.push_back(std::move(diagnostic));
  }
  return diagnostics;
}

}  // namespace

LoadResult check(const Sources& sources, const KeySet& keys, Scope scope) {
  Checked checked = check_values(sources, keys, scope);
  if (sources.complete) {
    check_process_rules(checked, sources);
  }
  LoadResult result{nullptr, sort_by_place(std::move(checked.diagnostics), checked.names),
                    std::move(checked.absent_secrets)};
  if (any_error(result.diagnostics)) {
    return result;
  }
  complete_process_values(checked.root);
  auto parts = std::make_unique<LoadedConfig::Parts>();
  parts->keys = keys;
  parts->root = std::move(checked.root);
  parts->origins = std::move(checked.origins);
  parts->names = std::move(checked.names);
  result.config = std::make_shared<const LoadedConfig>(std::move(parts));
  return result;
}

LoadResult load(const ReadOptions& options, const KeySet& keys, Scope scope) {
  return check(read_sources(options), keys, scope);
}

}  // namespace lares::config
