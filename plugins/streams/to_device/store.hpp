// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/storage/transaction.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "change.hpp"

namespace lares::to_device {

/// A device for which messages wait.
struct Waiting {
  std::string device_id;
  std::int64_t oldest = 0;
  std::int64_t newest = 0;
};

/// Messages for a device, oldest first.
struct Page {
  std::vector<std::string> messages;
  std::int64_t last = 0;  ///< position of the last one; 0 for none
  bool more = false;
};

/// Users who got messages, by position.
struct Arrivals {
  std::vector<std::pair<std::int64_t, std::int64_t>> rows;  ///< position, user
  std::int64_t upto = 0;
  bool limited = false;
};

/// For which device something waits.
struct Addressee {
  std::int64_t user = 0;
  std::string device_id;
};

/// The SQL of this plugin. **Threads**: those of the database.
void store(storage::WriteTransaction& tx, const Change& change, std::int64_t position);
/// The devices of a user for which something waits.
[[nodiscard]] std::vector<Waiting> waiting(storage::ReadTransaction& tx, std::int64_t user);
/// Positions in (from, to].
[[nodiscard]] Page page(storage::ReadTransaction& tx, std::int64_t user, std::string_view device_id,
                        std::int64_t from, std::int64_t to, std::int64_t limit);
/// Deletes what a device has received.
void acknowledge(storage::WriteTransaction& tx, std::int64_t user, std::string_view device_id,
                 std::int64_t upto);
void forget_devices(storage::WriteTransaction& tx, std::int64_t user, std::span<const std::string> devices);
/// The devices for which anything waits, in an order, after that one.
[[nodiscard]] std::vector<Addressee> addressees(storage::ReadTransaction& tx, const Addressee& after,
                                                std::int64_t limit);
/// That of the newest message that waits; 0 where none does.
[[nodiscard]] std::int64_t last_position(storage::ReadTransaction& tx);
/// Positions in (from, to], `limit` of them at most.
[[nodiscard]] Arrivals arrivals(storage::ReadTransaction& tx, std::int64_t from, std::int64_t to,
                                std::int64_t limit);

}  // namespace lares::to_device
