// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/service_registry.hpp>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lares::host {

/// Who provides and who joins, by service id.
///
/// **Threads**: filled on one thread while plugins are constructed, then sealed; read from any without a
/// lock.
class ServiceRegistryImpl final : public ServiceRegistry {
 public:
  ServiceRegistryImpl();
  ~ServiceRegistryImpl() override;

  /// Says in whose name the following calls of provide and join are made.
  void set_plugin(std::string name) { plugin_ = std::move(name); }
  /// Ends the filling: provide and join throw std::logic_error afterwards.
  void seal() noexcept { sealed_ = true; }
  /// Answers which plugins could provide an id, active or not, for the message of a failed look-up.
  void set_known_providers(std::function<std::vector<std::string>(std::string_view)> known);

  [[nodiscard]] bool has(std::string_view id) const noexcept { return services_.find(id) != services_.end(); }
  /// All ids that are provided so far.
  [[nodiscard]] std::vector<std::string> ids() const;
  /// Ids that a plugin has provided, for `--list-plugins` and the check of its descriptor.
  [[nodiscard]] std::vector<std::string> provided_by(std::string_view plugin) const;

 protected:
  void provide_raw(std::string_view id, void* service) override;
  [[nodiscard]] void* get_raw(std::string_view id) const override;
  [[nodiscard]] void* find_raw(std::string_view id) const noexcept override;
  void join_raw(std::string_view id, void* participant, int order) override;
  [[nodiscard]] std::vector<void*> all_raw(std::string_view id) const override;

 private:
  struct Provider {
    void* service;
    std::string plugin;
  };
  struct Participant {
    void* participant;
    int order;
    std::string plugin;
  };

  void require_open(std::string_view id) const;

  std::string plugin_;
  bool sealed_ = false;
  std::map<std::string, Provider, std::less<>> services_;
  std::map<std::string, std::vector<Participant>, std::less<>> participants_;
  std::function<std::vector<std::string>(std::string_view)> known_;
};

}  // namespace lares::host
