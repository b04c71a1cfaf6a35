// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <config/key_set.hpp>

#include <lares/plugin/declarations.hpp>
#include <lares/storage/migration.hpp>

#include <string>
#include <utility>
#include <vector>

namespace lares::host {

/// What all plugins declared: the source of `config check`, the reference documentation, migrations, purge
/// and erasure.
class DeclarationsImpl final : public Declarations {
 public:
  DeclarationsImpl() = default;
  ~DeclarationsImpl() override;

  /// Says whose declarations follow; the host calls it before each plugin.
  void set_plugin(std::string name) { plugin_ = std::move(name); }

  void config(ConfigKey key) override;
  void schema(storage::Schema schema) override;

  [[nodiscard]] const config::KeySet& keys() const noexcept { return keys_; }
  [[nodiscard]] config::KeySet& keys() noexcept { return keys_; }
  /// In the order of declaration.
  [[nodiscard]] const std::vector<storage::Schema>& schemas() const noexcept { return schemas_; }

 private:
  std::string plugin_;
  config::KeySet keys_;
  std::vector<storage::Schema> schemas_;
};

}  // namespace lares::host
