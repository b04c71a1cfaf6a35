// SPDX-License-Identifier: Apache-2.0
#include <lares/service/server_keys.hpp>

namespace lares::service {

ServerKeys::~ServerKeys() = default;

}  // namespace lares::service
