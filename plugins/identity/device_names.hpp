// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/service/devices.hpp>
#include <lares/storage/transaction.hpp>

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

  bool hold(storage::WriteTransaction& tx, std::int64_t user, std::string_view device_id) override {
    // Writes what is there: to a transaction that has begun already a mere lock would not show what this one
    // writes.
    constexpr storage::Statement kHold{
        "UPDATE devices SET created_ts = created_ts WHERE account = $1 AND device_id = $2"};
    return tx.exec(kHold, user, storage::Bytes{device_id}) == 1;
  }

 private:
  Accounts& accounts_;
};

}  // namespace lares::identity
