// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/storage/intern.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace lares::to_device {

/// A message for one device.
struct Message {
  std::int64_t user = 0;  ///< interned
  std::string user_id;
  std::string device_id;
  std::string json;  ///< as the device gets it
};

/// The messages of one request, stored all or none.
struct Change {
  std::string scope;  ///< with type and transaction id: what makes a retried request find the first one
  std::string type;
  std::string txn_id;
  std::int64_t created_ts = 0;
  std::vector<Message> messages;  ///< at least one; one at most for a device
};

/// The rows of the stream: one for each user who gets something.
[[nodiscard]] std::vector<std::string> rows(const Change& change);

/// A change as JSON text for another process of this server, and back. **Errors**: nlohmann's exceptions.
[[nodiscard]] std::string encode(const Change& change);
[[nodiscard]] Change decode(const std::string& text);
/// Gives what another process sent the numbers that this one knows its identifiers by.
Task<void> number(storage::Interner& interner, Change& change);

}  // namespace lares::to_device
