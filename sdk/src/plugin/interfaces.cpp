// SPDX-License-Identifier: Apache-2.0
// The home of the vtables of the host's interfaces.
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/server.hpp>
#include <lares/plugin/service_registry.hpp>

namespace lares {

Declarations::~Declarations() = default;
Server::~Server() = default;
ServiceRegistry::~ServiceRegistry() = default;

}  // namespace lares
