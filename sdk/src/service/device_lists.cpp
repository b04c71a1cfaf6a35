// SPDX-License-Identifier: Apache-2.0
#include <lares/service/device_lists.hpp>

namespace lares::service {

DeviceLists::~DeviceLists() = default;

}  // namespace lares::service
