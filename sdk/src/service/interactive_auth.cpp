// SPDX-License-Identifier: Apache-2.0
#include <lares/service/interactive_auth.hpp>

namespace lares::service {

InteractiveAuth::~InteractiveAuth() = default;

}  // namespace lares::service
