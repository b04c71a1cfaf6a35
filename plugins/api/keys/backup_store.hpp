// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/storage/transaction.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lares::keys {

/// A backup of room keys.
struct Backup {
  std::int64_t version = 0;
  std::string algorithm;
  std::string auth_data;  ///< JSON
  std::int64_t etag = 0;  ///< another one after each change
  std::int64_t sessions = 0;
};

/// A session's key, sealed by the client.
struct RoomKey {
  std::string room_id;
  std::string session_id;
  std::int64_t first_message_index = 0;
  std::int64_t forwarded_count = 0;
  bool is_verified = false;
  std::string session_data;  ///< JSON
};

/// What a request is about: everything, a room, or a session of a room.
struct Part {
  std::optional<std::string> room_id;
  std::optional<std::string> session_id;
};

/// Backups that a user may keep; beyond it the oldest go with their keys.
inline constexpr std::int64_t kMostBackups = 100;
/// Keys of one backup; further ones are refused.
inline constexpr std::int64_t kMostSessions = 1'000'000;

/// The SQL of backups. **Threads**: those of the database.
std::int64_t create_backup(storage::WriteTransaction& tx, std::int64_t user, std::string_view algorithm,
                           std::string_view auth_data);
/// A version, or without one the newest; nothing if it is not there.
[[nodiscard]] std::optional<Backup> backup(storage::ReadTransaction& tx, std::int64_t user,
                                           std::optional<std::int64_t> version);
void set_auth_data(storage::WriteTransaction& tx, std::int64_t user, std::int64_t version,
                   std::string_view auth_data);
/// False if it was not there.
bool delete_backup(storage::WriteTransaction& tx, std::int64_t user, std::int64_t version);
/// Puts those keys that are better than what is there. The backup, as it is afterwards, must be the newest;
/// nothing if it is not.
/// **Errors**: MatrixError M_TOO_LARGE.
[[nodiscard]] std::optional<Backup> put_room_keys(storage::WriteTransaction& tx, std::int64_t user,
                                                  std::int64_t version, std::span<const RoomKey> keys);
/// At most `limit` keys of a part, in order, after the place of `after`.
[[nodiscard]] std::vector<RoomKey> room_keys(storage::ReadTransaction& tx, std::int64_t user,
                                             std::int64_t version, const Part& part, const RoomKey& after,
                                             std::int64_t limit);
/// Nothing if there is no such backup.
[[nodiscard]] std::optional<Backup> delete_room_keys(storage::WriteTransaction& tx, std::int64_t user,
                                                     std::int64_t version, const Part& part);

/// Whether a key takes the place of another of the same session: a verified one, else one that reads more,
/// else one that came a shorter way. spec: Client-Server API, "Server-side key backups"
[[nodiscard]] bool is_better(const RoomKey& key, const RoomKey& there) noexcept;

}  // namespace lares::keys
