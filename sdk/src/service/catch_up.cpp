// SPDX-License-Identifier: Apache-2.0
#include <lares/service/catch_up.hpp>

namespace lares::service {

CatchUp::~CatchUp() = default;

}  // namespace lares::service
