// SPDX-License-Identifier: Apache-2.0
#include <lares/service/newcomers.hpp>

namespace lares::service {

Newcomers::~Newcomers() = default;

}  // namespace lares::service
