// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/service/devices.hpp>

#include <utility>

#include "accounts.hpp"

namespace lares::identity {

/// Devices as other plugins know them.
class DeviceNames final : public service::Devices {
 public:
  explicit DeviceNames(Accounts& accounts) : accounts_(accounts) {}

  Task<std::vector<service::DeviceName>> devices(std::int64_t user) override {
    std::vector<Device> devices = co_await accounts_.devices(user);
    std::vector<service::DeviceName> names;
    names.reserve(devices.size());
    for (Device& device : devices) {
      names.push_back(
          {.device_id = std::move(device.device_id), .display_name = std::move(device.display_name)});
    }
    co_return names;
  }

 private:
  Accounts& accounts_;
};

}  // namespace lares::identity
