// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/declarations.hpp>

#include <memory>
#include <string>
#include <vector>

namespace lares::host {

/// A configuration key and who declared it.
struct DeclaredKey {
  ConfigKey key;
  std::string plugin;
};

/// What all plugins declared: the source of `config check`, the reference documentation, migrations, purge
/// and erasure.
class DeclarationsImpl final : public Declarations {
 public:
  DeclarationsImpl();
  ~DeclarationsImpl() override;

  /// Says whose declarations follow; the host calls it before each plugin, and with "daemon" for its own.
  void set_plugin(std::string name) { plugin_ = std::move(name); }

  /// **Errors**: StartError naming both plugins if a key was declared differently.
  void config(ConfigKey key) override;
  void schema(storage::Schema schema) override;

  [[nodiscard]] const std::vector<DeclaredKey>& keys() const noexcept { return keys_; }
  /// In the order of declaration.
  [[nodiscard]] const std::vector<storage::Schema>& schemas() const noexcept;

 private:
  struct Schemas;

  std::string plugin_;
  std::vector<DeclaredKey> keys_;
  std::unique_ptr<Schemas> schemas_;
};

}  // namespace lares::host
