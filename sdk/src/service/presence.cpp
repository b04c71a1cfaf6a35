// SPDX-License-Identifier: Apache-2.0
#include <lares/service/presence.hpp>

namespace lares::service {

Presence::~Presence() = default;

}  // namespace lares::service
