// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <nlohmann/json_fwd.hpp>

#include <string_view>

namespace lares::service {

/// What clients may do on this server, of the plugins that decide it. Joined to the registry
/// (`services.join<Capabilities>(*this)`), asked for each answer of GET /capabilities.
///
/// spec: Client-Server API, "Capabilities negotiation"
/// **Threads**: any.
class LARES_EXPORT Capabilities {
 public:
  static constexpr std::string_view kServiceId = "lares.capabilities/1";
  virtual ~Capabilities();

  /// Sets this plugin's members of the answer's `capabilities` object.
  virtual void add_capabilities(nlohmann::json& capabilities) const = 0;
};

}  // namespace lares::service
