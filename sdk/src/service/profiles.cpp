// SPDX-License-Identifier: Apache-2.0
#include <lares/service/profiles.hpp>

namespace lares::service {

Profiles::~Profiles() = default;

}  // namespace lares::service
