// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <config/loaded_config.hpp>

#include <nlohmann/json.hpp>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lares::config {

/// Where a value that is not a default came from.
struct Origin {
  Mark mark;
  std::string secret_file;  ///< the file that held it, when `mark` is that of a KEY_path
};

/// By concrete path: "listeners[0].port".
using Origins = std::map<std::string, Origin, std::less<>>;

struct PathHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view path) const noexcept { return std::hash<std::string_view>{}(path); }
};

/// What a LoadedConfig is made of. `index` points into `root` and is filled by LoadedConfig.
struct LoadedConfig::Parts {
  KeySet keys;
  nlohmann::json root;
  Origins origins;
  std::vector<std::string> names;  ///< what marks point to
  std::unordered_map<std::string, const nlohmann::json*, PathHash, std::equal_to<>> index = {};

  /// "/etc/lares/homeserver.yaml:12".
  [[nodiscard]] std::string place(const Origin& origin) const;
};

}  // namespace lares::config
