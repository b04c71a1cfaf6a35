// SPDX-License-Identifier: Apache-2.0
#include <lares/service/start_check.hpp>

namespace lares::service {

StartCheck::~StartCheck() = default;

}  // namespace lares::service
