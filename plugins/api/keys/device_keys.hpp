// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/storage/transaction.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lares::keys {

/// A one-time or fallback key: `ALGORITHM:ID` and its JSON.
struct PreKey {
  std::string algorithm;
  std::string id;
  std::string json;
};

/// How many one-time keys of each algorithm a device has left, and for which algorithms it has a fallback key
/// that nobody got.
struct Left {
  std::map<std::string, std::int64_t> one_time;
  std::vector<std::string> unused_fallback;
};

/// One-time keys that a device may have waiting, and algorithms of its fallback keys.
inline constexpr std::int64_t kMostOneTimeKeys = 1'000;
inline constexpr std::int64_t kMostFallbackKeys = 10;

/// The SQL of device keys and of keys to begin sessions with. **Threads**: those of the database.
/// True if the keys were others before.
bool put_device_keys(storage::WriteTransaction& tx, std::int64_t user, std::string_view device_id,
                     std::string_view keys);
[[nodiscard]] std::optional<std::string> device_keys(storage::ReadTransaction& tx, std::int64_t user,
                                                     std::string_view device_id);
/// The keys of all devices of a user, by device id.
[[nodiscard]] std::map<std::string, std::string> all_device_keys(storage::ReadTransaction& tx,
                                                                 std::int64_t user);
/// **Errors**: MatrixError M_UNKNOWN for a key that is there with another content, M_TOO_LARGE beyond the
/// bounds.
void add_one_time_keys(storage::WriteTransaction& tx, std::int64_t user, std::string_view device_id,
                       std::span<const PreKey> keys, std::int64_t now);
void put_fallback_keys(storage::WriteTransaction& tx, std::int64_t user, std::string_view device_id,
                       std::span<const PreKey> keys);
[[nodiscard]] Left left(storage::ReadTransaction& tx, std::int64_t user, std::string_view device_id);
/// Of all devices of a user that have any.
[[nodiscard]] std::map<std::string, Left> left(storage::ReadTransaction& tx, std::int64_t user);
/// Takes a one-time key, which nobody else gets; else the fallback key, which is used from now on.
[[nodiscard]] std::optional<PreKey> claim(storage::WriteTransaction& tx, std::int64_t user,
                                          std::string_view device_id, std::string_view algorithm,
                                          std::int64_t now);
void forget_devices(storage::WriteTransaction& tx, std::int64_t user, std::span<const std::string> devices);

}  // namespace lares::keys
