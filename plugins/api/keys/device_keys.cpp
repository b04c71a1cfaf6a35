// SPDX-License-Identifier: Apache-2.0
#include "device_keys.hpp"

#include <lares/http/matrix_error.hpp>

namespace lares::keys {

using storage::Bytes;
using storage::ReadTransaction;
using storage::Row;
using storage::Sql;
using storage::Statement;
using storage::WriteTransaction;

namespace {

constexpr Statement kPutDeviceKeys{
    "INSERT INTO device_keys (account, device_id, keys) VALUES ($1, $2, $3) ON CONFLICT (account, device_id) "
    "DO "
    "UPDATE SET keys = excluded.keys WHERE device_keys.keys <> excluded.keys"};
constexpr Statement kDeviceKeys{"SELECT keys FROM device_keys WHERE account = $1 AND device_id = $2"};
constexpr Statement kAllDeviceKeys{"SELECT device_id, keys FROM device_keys WHERE account = $1"};
constexpr Statement kAddOneTimeKey{
    "INSERT INTO one_time_keys (account, device_id, algorithm, key_id, key, created_ts) VALUES ($1, $2, $3, "
    "$4, "
    "$5, $6) ON CONFLICT DO NOTHING"};
constexpr Statement kAnyOneTimeKey{
    "SELECT 1 FROM one_time_keys WHERE account = $1 AND device_id = $2 LIMIT 1"};
// Waits for whoever is taking the key; once it is taken, the transaction begins anew and finds it among those
// that were claimed.
constexpr Statement kHoldOneTimeKey{
    Sql{"SELECT key FROM one_time_keys WHERE account = $1 AND device_id = $2 AND algorithm = $3 AND key_id = "
        "$4",
        "SELECT key FROM one_time_keys WHERE account = $1 AND device_id = $2 AND algorithm = $3 AND key_id = "
        "$4 "
        "FOR KEY SHARE"}};
constexpr Statement kPutFallback{
    "INSERT INTO fallback_keys (account, device_id, algorithm, key_id, key, used) VALUES ($1, $2, $3, $4, "
    "$5, "
    "FALSE) ON CONFLICT (account, device_id, algorithm) DO UPDATE SET key_id = excluded.key_id, key = "
    "excluded.key, used = FALSE WHERE fallback_keys.key_id <> excluded.key_id OR fallback_keys.key <> "
    "excluded.key"};
constexpr Statement kCounts{
    "SELECT algorithm, COUNT(*) FROM one_time_keys WHERE account = $1 AND device_id = $2 GROUP BY algorithm"};
constexpr Statement kUnused{
    "SELECT algorithm FROM fallback_keys WHERE account = $1 AND device_id = $2 AND used = FALSE ORDER BY "
    "algorithm"};
constexpr Statement kCountFallback{
    "SELECT COUNT(*) FROM fallback_keys WHERE account = $1 AND device_id = $2"};
constexpr Statement kCountsOfUser{
    "SELECT device_id, algorithm, COUNT(*) FROM one_time_keys WHERE account = $1 GROUP BY device_id, "
    "algorithm"};
constexpr Statement kUnusedOfUser{
    "SELECT device_id, algorithm FROM fallback_keys WHERE account = $1 AND used = FALSE ORDER BY algorithm"};
// The oldest first, since a device forgets old keys first. A key that somebody else is taking is passed over.
constexpr Statement kTake{
    Sql{"DELETE FROM one_time_keys WHERE account = $1 AND device_id = $2 AND algorithm = $3 AND key_id = "
        "(SELECT key_id FROM one_time_keys WHERE account = $1 AND device_id = $2 AND algorithm = $3 "
        "ORDER BY created_ts, key_id LIMIT 1) RETURNING key_id, key",
        "DELETE FROM one_time_keys WHERE account = $1 AND device_id = $2 AND algorithm = $3 AND key_id = "
        "(SELECT key_id FROM one_time_keys WHERE account = $1 AND device_id = $2 AND algorithm = $3 "
        "ORDER BY created_ts, key_id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED) RETURNING key_id, key"}};
constexpr Statement kAnyClaimed{"SELECT 1 FROM claimed_keys WHERE account = $1 AND device_id = $2 LIMIT 1"};
constexpr Statement kClaimed{
    "SELECT 1 FROM claimed_keys WHERE account = $1 AND device_id = $2 AND algorithm = $3 AND key_id = $4 AND "
    "key = $5"};
constexpr Statement kRememberClaim{
    "INSERT INTO claimed_keys (account, device_id, algorithm, key_id, key, claimed_ts) VALUES ($1, $2, $3, "
    "$4, "
    "$5, $6) ON CONFLICT (account, device_id, algorithm, key_id) DO UPDATE SET key = excluded.key, "
    "claimed_ts "
    "= excluded.claimed_ts"};
constexpr Statement kForgetClaimed{"DELETE FROM claimed_keys WHERE account = $1 AND device_id = $2"};
constexpr Statement kFallback{
    "SELECT key_id, key FROM fallback_keys WHERE account = $1 AND device_id = $2 AND algorithm = $3"};
constexpr Statement kUse{
    "UPDATE fallback_keys SET used = TRUE WHERE account = $1 AND device_id = $2 AND algorithm = $3 AND used "
    "= "
    "FALSE"};
constexpr Statement kForgetDeviceKeys{"DELETE FROM device_keys WHERE account = $1 AND device_id = $2"};
constexpr Statement kForgetOneTimeKeys{"DELETE FROM one_time_keys WHERE account = $1 AND device_id = $2"};
constexpr Statement kForgetFallback{"DELETE FROM fallback_keys WHERE account = $1 AND device_id = $2"};

}  // namespace

bool put_device_keys(WriteTransaction& tx, std::int64_t user, std::string_view device_id,
                     std::string_view keys) {
  return tx.exec(kPutDeviceKeys, user, Bytes{device_id}, Bytes{keys}) == 1;
}

std::optional<std::string> device_keys(ReadTransaction& tx, std::int64_t user, std::string_view device_id) {
  return tx.maybe(kDeviceKeys, user, Bytes{device_id}, [](const Row& row) { return row.bytes_copy(0); });
}

std::map<std::string, std::string> all_device_keys(ReadTransaction& tx, std::int64_t user) {
  std::map<std::string, std::string> keys;
  tx.each(kAllDeviceKeys, user,
          [&keys](const Row& row) { keys.emplace(row.bytes_copy(0), row.bytes_copy(1)); });
  return keys;
}

void add_one_time_keys(WriteTransaction& tx, std::int64_t user, std::string_view device_id,
                       std::span<const PreKey> keys, std::int64_t now) {
  // A client that did not hear of its success uploads again what is there, or what somebody may have by now.
  const bool has_keys = tx.any(kAnyOneTimeKey, user, Bytes{device_id});
  const bool claims = tx.any(kAnyClaimed, user, Bytes{device_id});
  for (const PreKey& key : keys) {
    const std::optional<std::string> there =
        has_keys ? tx.maybe(kHoldOneTimeKey, user, Bytes{device_id}, Bytes{key.algorithm}, Bytes{key.id},
                            [](const Row& row) { return row.bytes_copy(0); })
                 : std::nullopt;
    if (there && *there != key.json) {
      throw http::unknown("The one-time key " + key.algorithm + ":" + key.id +
                          " is there already, with another content.");
    }
    const bool claimed = claims && tx.any(kClaimed, user, Bytes{device_id}, Bytes{key.algorithm},
                                          Bytes{key.id}, Bytes{key.json});
    if (!there && !claimed) {
      tx.exec(kAddOneTimeKey, user, Bytes{device_id}, Bytes{key.algorithm}, Bytes{key.id}, Bytes{key.json},
              now);
    }
  }
  std::int64_t total = 0;
  for (const auto& [algorithm, count] : left(tx, user, device_id).one_time) {
    total += count;
  }
  if (total > kMostOneTimeKeys) {
    throw http::too_large("A device has 1000 one-time keys at most.");
  }
}

void put_fallback_keys(WriteTransaction& tx, std::int64_t user, std::string_view device_id,
                       std::span<const PreKey> keys) {
  for (const PreKey& key : keys) {
    tx.exec(kPutFallback, user, Bytes{device_id}, Bytes{key.algorithm}, Bytes{key.id}, Bytes{key.json});
  }
  if (tx.one(kCountFallback, user, Bytes{device_id}, [](const Row& row) { return row.i64(0); }) >
      kMostFallbackKeys) {
    throw http::too_large("A device has fallback keys of 10 algorithms at most.");
  }
}

Left left(ReadTransaction& tx, std::int64_t user, std::string_view device_id) {
  Left left;
  tx.each(kCounts, user, Bytes{device_id},
          [&left](const Row& row) { left.one_time[row.bytes_copy(0)] = row.i64(1); });
  tx.each(kUnused, user, Bytes{device_id},
          [&left](const Row& row) { left.unused_fallback.push_back(row.bytes_copy(0)); });
  return left;
}

std::map<std::string, Left> left(ReadTransaction& tx, std::int64_t user) {
  std::map<std::string, Left> devices;
  tx.each(kCountsOfUser, user, [&devices](const Row& row) {
    devices[row.bytes_copy(0)].one_time[row.bytes_copy(1)] = row.i64(2);
  });
  tx.each(kUnusedOfUser, user, [&devices](const Row& row) {
    devices[row.bytes_copy(0)].unused_fallback.push_back(row.bytes_copy(1));
  });
  return devices;
}

std::optional<PreKey> claim(WriteTransaction& tx, std::int64_t user, std::string_view device_id,
                            std::string_view algorithm, std::int64_t now) {
  const auto read = [algorithm](const Row& row) {
    return PreKey{.algorithm = std::string{algorithm}, .id = row.bytes_copy(0), .json = row.bytes_copy(1)};
  };
  std::optional<PreKey> key = tx.maybe(kTake, user, Bytes{device_id}, Bytes{algorithm}, read);
  if (key) {
    tx.exec(kRememberClaim, user, Bytes{device_id}, Bytes{algorithm}, Bytes{key->id}, Bytes{key->json}, now);
  } else {
    key = tx.maybe(kFallback, user, Bytes{device_id}, Bytes{algorithm}, read);
    if (key) {
      tx.exec(kUse, user, Bytes{device_id}, Bytes{algorithm});
    }
  }
  return key;
}

void forget_devices(WriteTransaction& tx, std::int64_t user, std::span<const std::string> devices) {
  for (const std::string& device : devices) {
    tx.exec(kForgetDeviceKeys, user, Bytes{device});
    tx.exec(kForgetOneTimeKeys, user, Bytes{device});
    tx.exec(kForgetClaimed, user, Bytes{device});
    tx.exec(kForgetFallback, user, Bytes{device});
  }
}

}  // namespace lares::keys
