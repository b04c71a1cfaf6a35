// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <vector>

namespace lares::host {

/// What the order of plugins depends on.
struct OrderedPlugin {
  std::string name;
  std::vector<std::string> provides;
  std::vector<std::string> needs;
  bool active = true;
  std::string file = {};  ///< for what an administrator reads
};

/// The active plugins in the order in which to start them: each after all that may provide what it needs, by
/// name where that leaves a choice. `given` are services that are there before any plugin.
/// **Errors**: one sentence for each missing need, or for the circle.
[[nodiscard]] std::expected<std::vector<std::size_t>, std::vector<std::string>> start_order(
    std::span<const OrderedPlugin> plugins, std::span<const std::string> given);

}  // namespace lares::host
