// SPDX-License-Identifier: Apache-2.0
#include "backup_store.hpp"

#include <lares/http/matrix_error.hpp>

#include <map>
#include <tuple>
#include <utility>

namespace lares::keys {

using storage::Bytes;
using storage::ColumnType;
using storage::ReadTransaction;
using storage::Row;
using storage::Statement;
using storage::WriteTransaction;

namespace {

constexpr Statement kNextVersion{
    "INSERT INTO room_key_versions (account, last) VALUES ($1, 1) ON CONFLICT (account) DO UPDATE SET last = "
    "room_key_versions.last + 1 RETURNING last"};
constexpr Statement kCreate{
    "INSERT INTO room_key_backups (account, version, algorithm, auth_data, etag, sessions) VALUES ($1, $2, "
    "$3, "
    "$4, 0, 0)"};
constexpr Statement kBackup{
    "SELECT version, algorithm, auth_data, etag, sessions FROM room_key_backups WHERE account = $1 AND "
    "version "
    "= $2"};
constexpr Statement kNewest{
    "SELECT version, algorithm, auth_data, etag, sessions FROM room_key_backups WHERE account = $1 ORDER BY "
    "version DESC LIMIT 1"};
constexpr Statement kBeyondBound{
    "SELECT version FROM room_key_backups WHERE account = $1 ORDER BY version DESC LIMIT 10 OFFSET $2"};
constexpr Statement kSetAuthData{
    "UPDATE room_key_backups SET auth_data = $3 WHERE account = $1 AND version = $2"};
constexpr Statement kDelete{"DELETE FROM room_key_backups WHERE account = $1 AND version = $2"};
constexpr Statement kDeleteKeys{"DELETE FROM room_keys WHERE account = $1 AND version = $2"};
// Changes nothing: it makes whoever else writes into this backup wait.
constexpr Statement kHold{"UPDATE room_key_backups SET etag = etag WHERE account = $1 AND version = $2"};
constexpr Statement kChanged{
    "UPDATE room_key_backups SET etag = etag + 1, sessions = sessions + $3 WHERE account = $1 AND version = "
    "$2"};
constexpr storage::LookupMany kThere{
    .select = "r.first_message_index, r.forwarded_count, r.is_verified",
    .from = "room_keys r",
    .keys = {{{"r.room_id", ColumnType::Bytes}, {"r.session_id", ColumnType::Bytes}}},
    .where = "r.account = $1 AND r.version = $2"};
constexpr storage::InsertMany kPut{
    "room_keys",
    {{{"account", ColumnType::Integer},
      {"version", ColumnType::Integer},
      {"room_id", ColumnType::Bytes},
      {"session_id", ColumnType::Bytes},
      {"first_message_index", ColumnType::Integer},
      {"forwarded_count", ColumnType::Integer},
      {"is_verified", ColumnType::Boolean},
      {"session_data", ColumnType::Bytes}}},
    "ON CONFLICT (account, version, room_id, session_id) DO UPDATE SET first_message_index = "
    "excluded.first_message_index, forwarded_count = excluded.forwarded_count, is_verified = "
    "excluded.is_verified, session_data = excluded.session_data"};
constexpr Statement kKeys{
    "SELECT room_id, session_id, first_message_index, forwarded_count, is_verified, session_data FROM "
    "room_keys "
    "WHERE account = $1 AND version = $2 AND (room_id, session_id) > ($3, $4) ORDER BY room_id, session_id "
    "LIMIT $5"};
constexpr Statement kKeysOfRoom{
    "SELECT room_id, session_id, first_message_index, forwarded_count, is_verified, session_data FROM "
    "room_keys "
    "WHERE account = $1 AND version = $2 AND room_id = $3 AND session_id > $4 ORDER BY session_id LIMIT $5"};
constexpr Statement kKeyOfSession{
    "SELECT room_id, session_id, first_message_index, forwarded_count, is_verified, session_data FROM "
    "room_keys "
    "WHERE account = $1 AND version = $2 AND room_id = $3 AND session_id = $4"};
constexpr Statement kDeleteRoom{"DELETE FROM room_keys WHERE account = $1 AND version = $2 AND room_id = $3"};
constexpr Statement kDeleteSession{
    "DELETE FROM room_keys WHERE account = $1 AND version = $2 AND room_id = $3 AND session_id = $4"};

Backup backup_of(const Row& row) {
  return {.version = row.i64(0),
          .algorithm = row.bytes_copy(1),
          .auth_data = row.bytes_copy(2),
          .etag = row.i64(3),
          .sessions = row.i64(4)};
}

RoomKey key_of(const Row& row) {
  return {.room_id = row.bytes_copy(0),
          .session_id = row.bytes_copy(1),
          .first_message_index = row.i64(2),
          .forwarded_count = row.i64(3),
          .is_verified = row.boolean(4),
          .session_data = row.bytes_copy(5)};
}

}  // namespace

bool is_better(const RoomKey& key, const RoomKey& there) noexcept {
  if (key.is_verified != there.is_verified) {
    return key.is_verified;
  }
  return std::pair{key.first_message_index, key.forwarded_count} <
         std::pair{there.first_message_index, there.forwarded_count};
}

std::int64_t create_backup(WriteTransaction& tx, std::int64_t user, std::string_view algorithm,
                           std::string_view auth_data) {
  const std::int64_t version = tx.one(kNextVersion, user, [](const Row& row) { return row.i64(0); });
  tx.exec(kCreate, user, version, Bytes{algorithm}, Bytes{auth_data});
  std::vector<std::int64_t> oldest;
  tx.each(kBeyondBound, user, kMostBackups, [&oldest](const Row& row) { oldest.push_back(row.i64(0)); });
  for (const std::int64_t old : oldest) {
    delete_backup(tx, user, old);
  }
  return version;
}

std::optional<Backup> backup(ReadTransaction& tx, std::int64_t user, std::optional<std::int64_t> version) {
  return version ? tx.maybe(kBackup, user, *version, &backup_of) : tx.maybe(kNewest, user, &backup_of);
}

void set_auth_data(WriteTransaction& tx, std::int64_t user, std::int64_t version,
                   std::string_view auth_data) {
  tx.exec(kSetAuthData, user, version, Bytes{auth_data});
}

bool delete_backup(WriteTransaction& tx, std::int64_t user, std::int64_t version) {
  tx.exec(kDeleteKeys, user, version);
  return tx.exec(kDelete, user, version) == 1;
}

std::optional<Backup> put_room_keys(WriteTransaction& tx, std::int64_t user, std::int64_t version,
                                    std::span<const RoomKey> keys) {
  tx.exec(kHold, user, version);
  std::optional<Backup> newest = backup(tx, user, std::nullopt);
  if (!newest || newest->version != version) {
    return std::nullopt;
  }
  std::vector<std::optional<RoomKey>> there(keys.size());
  tx.lookup_many(
      kThere, keys, [](const RoomKey& key) { return std::tuple{Bytes{key.room_id}, Bytes{key.session_id}}; },
      [&there](std::size_t index, const Row& row) {
        there[index] = RoomKey{.room_id = {},
                               .session_id = {},
                               .first_message_index = row.i64(0),
                               .forwarded_count = row.i64(1),
                               .is_verified = row.boolean(2),
                               .session_data = {}};
      },
      user, version);
  std::vector<const RoomKey*> better;
  std::int64_t added = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!there[i]) {
      ++added;
    } else if (!is_better(keys[i], *there[i])) {
      continue;
    }
    better.push_back(&keys[i]);
  }
  if (newest->sessions + added > kMostSessions) {
    throw http::too_large("A backup has 1000000 keys at most.");
  }
  if (!better.empty()) {
    tx.insert_many(kPut, better, [user, version](const RoomKey* key) {
      return std::tuple{user,
                        version,
                        Bytes{key->room_id},
                        Bytes{key->session_id},
                        key->first_message_index,
                        key->forwarded_count,
                        key->is_verified,
                        Bytes{key->session_data}};
    });
    tx.exec(kChanged, user, version, added);
    ++newest->etag;
    newest->sessions += added;
  }
  return newest;
}

std::vector<RoomKey> room_keys(ReadTransaction& tx, std::int64_t user, std::int64_t version, const Part& part,
                               const RoomKey& after, std::int64_t limit) {
  std::vector<RoomKey> keys;
  const auto take = [&keys](const Row& row) { keys.push_back(key_of(row)); };
  if (part.session_id) {
    tx.each(kKeyOfSession, user, version, Bytes{*part.room_id}, Bytes{*part.session_id}, take);
  } else if (part.room_id) {
    tx.each(kKeysOfRoom, user, version, Bytes{*part.room_id}, Bytes{after.session_id}, limit, take);
  } else {
    tx.each(kKeys, user, version, Bytes{after.room_id}, Bytes{after.session_id}, limit, take);
  }
  return keys;
}

std::optional<Backup> delete_room_keys(WriteTransaction& tx, std::int64_t user, std::int64_t version,
                                       const Part& part) {
  tx.exec(kHold, user, version);
  std::int64_t gone = 0;
  if (part.session_id) {
    gone = tx.exec(kDeleteSession, user, version, Bytes{*part.room_id}, Bytes{*part.session_id});
  } else if (part.room_id) {
    gone = tx.exec(kDeleteRoom, user, version, Bytes{*part.room_id});
  } else {
    gone = tx.exec(kDeleteKeys, user, version);
  }
  if (gone > 0) {
    tx.exec(kChanged, user, version, -gone);
  }
  return backup(tx, user, version);
}

}  // namespace lares::keys
