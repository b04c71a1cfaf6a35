// SPDX-License-Identifier: Apache-2.0
#include <lares/service/devices.hpp>

namespace lares::service {

Devices::~Devices() = default;
DeviceObserver::~DeviceObserver() = default;

}  // namespace lares::service
