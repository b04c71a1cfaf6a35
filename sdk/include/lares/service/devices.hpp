// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/matrix/identifiers.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lares::storage {
class WriteTransaction;
}

namespace lares::service {

/// The cache, by user id, in service::CacheStream of what goes with devices: what is kept of them becomes
/// stale when a device is deleted, and when one logs in by a name that may have been there.
inline constexpr std::string_view kDevicesCache = "access_tokens";

/// A device as others may know it.
struct DeviceName {
  std::string device_id;
  std::optional<std::string> display_name;
};

/// Devices of local users. Provided by identity.
///
/// **Threads**: any.
class LARES_EXPORT Devices {
 public:
  static constexpr std::string_view kServiceId = "lares.devices/1";
  virtual ~Devices();

  /// The devices of a user; empty for nobody.
  virtual Task<std::vector<DeviceName>> devices(std::int64_t user) = 0;
  /// In a transaction that writes what goes with a device: whether it is there. Who deletes it waits for this
  /// transaction, and then finds what it wrote. On a storage thread, SQL alone.
  [[nodiscard]] virtual bool hold(storage::WriteTransaction& tx, std::int64_t user,
                                  std::string_view device_id) = 0;
};

/// Where others join in what happens to devices: keys and messages go with the device they are for. Joined to
/// the registry (`services.join<DeviceObserver>(*this)`), called by identity.
class LARES_EXPORT DeviceObserver {
 public:
  static constexpr std::string_view kServiceId = "lares.device-observer/1";
  virtual ~DeviceObserver();

  /// In the transaction that deletes devices: deletes what hangs on them. On a storage thread, SQL alone.
  virtual void deleting(storage::WriteTransaction& tx, std::int64_t user,
                        std::span<const std::string> devices) = 0;
  /// After the commit: devices of a user were added, renamed or deleted.
  virtual Task<void> changed(std::int64_t user, matrix::UserId user_id, std::vector<std::string> devices) = 0;
};

}  // namespace lares::service
