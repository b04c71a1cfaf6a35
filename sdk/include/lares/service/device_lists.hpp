// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lares::storage {
class WriteTransaction;
}

namespace lares::service {

/// The stream of whose devices, keys or identity changed. Whoever changes them notes it in the transaction
/// and says so after the commit; what was noted and could not be said is said later: by the same process, or,
/// if it ended in between, at the next start.
///
///     co_await db.write("upload_keys", [&](WriteTransaction& tx) { ...; lists.note(tx, user); });
///     co_await lists.changed(user, user_id);
///
/// spec: Client-Server API, "Tracking the device list for a user"
/// **Threads**: any.
class LARES_EXPORT DeviceLists {
 public:
  static constexpr std::string_view kServiceId = "lares.device-lists/1";
  virtual ~DeviceLists();

  /// On a storage thread, in the transaction that changes something.
  virtual void note(storage::WriteTransaction& tx, std::int64_t user) = 0;
  /// Tells everyone who shares a room with the user, and the user's own devices.
  virtual Task<void> changed(std::int64_t user, std::string user_id) = 0;
  /// The user has signed keys of others: for the user's own devices alone.
  virtual Task<void> signed_others(std::int64_t user, std::string user_id,
                                   std::vector<std::string> others) = 0;
};

}  // namespace lares::service
