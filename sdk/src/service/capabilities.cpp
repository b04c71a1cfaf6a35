// SPDX-License-Identifier: Apache-2.0
#include <lares/service/capabilities.hpp>

namespace lares::service {

Capabilities::~Capabilities() = default;

}  // namespace lares::service
