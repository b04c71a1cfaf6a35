// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/server.hpp>
#include <lares/service/capabilities.hpp>

namespace lares::identity {

/// What users may change of their accounts, by the configuration in force.
class AccountCapabilities final : public service::Capabilities {
 public:
  explicit AccountCapabilities(Server& server) : server_(server) {}

  void add_capabilities(nlohmann::json& capabilities) const override;

 private:
  Server& server_;
};

}  // namespace lares::identity
