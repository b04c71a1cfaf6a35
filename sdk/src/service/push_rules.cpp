// SPDX-License-Identifier: Apache-2.0
#include <lares/service/push_rules.hpp>

namespace lares::service {

PushRules::~PushRules() = default;

}  // namespace lares::service
