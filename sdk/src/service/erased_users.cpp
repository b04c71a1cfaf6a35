// SPDX-License-Identifier: Apache-2.0
#include <lares/service/erased_users.hpp>

namespace lares::service {

ErasedUsers::~ErasedUsers() = default;

}  // namespace lares::service
