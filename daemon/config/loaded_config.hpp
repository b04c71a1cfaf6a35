// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <config/document.hpp>
#include <config/key_set.hpp>
#include <lares/plugin/config.hpp>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lares::config {

/// Which declared keys differ between two configurations. Lists and maps count as one key.
struct ConfigDiff {
  std::vector<std::string> live;     ///< a reload brings these into force
  std::vector<std::string> restart;  ///< these wait for a restart
  [[nodiscard]] bool empty() const noexcept { return live.empty() && restart.empty(); }
};

/// The configuration that the daemon hands to plugins: made by check(), of values that passed.
class LoadedConfig final : public Config {
 public:
  struct Parts;
  explicit LoadedConfig(std::unique_ptr<Parts> parts);
  ~LoadedConfig() override;

  [[nodiscard]] const nlohmann::json& get(std::string_view path) const override;
  [[nodiscard]] bool is_set(std::string_view path) const override;
  [[nodiscard]] std::string origin(std::string_view path) const override;

  /// As get(), or null when nobody declared the path.
  [[nodiscard]] const nlohmann::json* find(std::string_view path) const;
  /// Everything: the root object, secrets included. Never print it.
  [[nodiscard]] const nlohmann::json& root() const noexcept;
  [[nodiscard]] const KeySet& keys() const noexcept;

 private:
  std::unique_ptr<const Parts> parts_;
  friend std::shared_ptr<const LoadedConfig> apply_live(const LoadedConfig& before,
                                                        const LoadedConfig& after);
};

/// What SIGHUP would change, sorted by path.
[[nodiscard]] ConfigDiff diff(const LoadedConfig& before, const LoadedConfig& after);

/// The configuration after SIGHUP: `before` with the live keys of `after`. Only this one is passed to
/// Plugin::reload.
[[nodiscard]] std::shared_ptr<const LoadedConfig> apply_live(const LoadedConfig& before,
                                                             const LoadedConfig& after);

}  // namespace lares::config
