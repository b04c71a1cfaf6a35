// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/config.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lares::config {

/// A declaration and who made it.
struct DeclaredKey {
  ConfigKey key;
  std::vector<std::string> plugins;  ///< those that declared it, equally; "host" for the process itself
};

/// Every key that somebody declared: what a configuration is checked against.
///
/// **Threads**: one while it grows; any afterwards.
class KeySet {
 public:
  KeySet() = default;
  KeySet(const KeySet&) = default;
  KeySet(KeySet&&) = default;
  KeySet& operator=(const KeySet&) = default;
  KeySet& operator=(KeySet&&) = default;
  ~KeySet() = default;

  /// Adds a key. Two plugins may declare the same key if the declarations are equal.
  ///
  /// **Errors**: std::logic_error with plugin, key and reason when the declaration is malformed (a path that
  /// is no path, a default that its own type refuses) or contradicts an earlier one. That is a bug of the
  /// plugin.
  void add(std::string_view plugin, ConfigKey key);

  /// The declaration of exactly this path ("listeners[].port"), or null.
  [[nodiscard]] const DeclaredKey* find(std::string_view path) const;
  /// All of them, by path.
  [[nodiscard]] const std::map<std::string, DeclaredKey, std::less<>>& all() const noexcept { return keys_; }
  /// The declaration that covers a concrete path: "listeners[0].port" gives "listeners[].port".
  [[nodiscard]] const DeclaredKey* covering(std::string_view concrete_path) const;

 private:
  std::map<std::string, DeclaredKey, std::less<>> keys_;
};

}  // namespace lares::config
