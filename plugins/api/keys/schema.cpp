// SPDX-License-Identifier: Apache-2.0
#include "schema.hpp"

namespace lares::keys {

using storage::Migration;
using storage::MigrationKind;
using storage::Owner;
using storage::OwnerKind;
using storage::Sql;
using storage::Table;

namespace {

Migration first_tables() {
  return {.number = 1,
          .kind = MigrationKind::Expand,
          .summary = "Adds keys of devices and users, signatures, and the backup of room keys.",
          .statements = {
              Sql{"CREATE TABLE device_keys (account BIGINT NOT NULL, device_id {bytes} NOT NULL, keys "
                  "{bytes} NOT NULL, PRIMARY KEY (account, device_id)) {clustered}"},
              Sql{"CREATE TABLE one_time_keys (account BIGINT NOT NULL, device_id {bytes} NOT NULL, "
                  "algorithm {bytes} NOT NULL, key_id {bytes} NOT NULL, key {bytes} NOT NULL, created_ts "
                  "BIGINT NOT NULL, PRIMARY KEY (account, device_id, algorithm, key_id)) {clustered}"},
              Sql{"CREATE TABLE fallback_keys (account BIGINT NOT NULL, device_id {bytes} NOT NULL, "
                  "algorithm {bytes} NOT NULL, key_id {bytes} NOT NULL, key {bytes} NOT NULL, used BOOLEAN "
                  "NOT NULL, PRIMARY KEY (account, device_id, algorithm)) {clustered}"},
              Sql{"CREATE TABLE cross_signing_keys (account BIGINT NOT NULL, usage TEXT NOT NULL, key "
                  "{bytes} NOT NULL, PRIMARY KEY (account, usage)) {clustered}"},
              // `target` is the device, or the public key, of `account` that is signed.
              Sql{"CREATE TABLE key_signatures (account BIGINT NOT NULL, target {bytes} NOT NULL, signer "
                  "BIGINT NOT NULL, key_id {bytes} NOT NULL, signature {bytes} NOT NULL, PRIMARY KEY "
                  "(account, target, signer, key_id)) {clustered}"},
              Sql{"CREATE INDEX key_signatures_signer ON key_signatures (signer, key_id)"},
              // The last version is kept, so that no number is given twice.
              Sql{"CREATE TABLE room_key_versions (account {id}, last BIGINT NOT NULL)"},
              Sql{"CREATE TABLE room_key_backups (account BIGINT NOT NULL, version BIGINT NOT NULL, "
                  "algorithm {bytes} NOT NULL, auth_data {bytes} NOT NULL, etag BIGINT NOT NULL, sessions "
                  "BIGINT NOT NULL, PRIMARY KEY (account, version)) {clustered}"},
              Sql{"CREATE TABLE room_keys (account BIGINT NOT NULL, version BIGINT NOT NULL, room_id "
                  "{bytes} NOT NULL, session_id {bytes} NOT NULL, first_message_index BIGINT NOT NULL, "
                  "forwarded_count BIGINT NOT NULL, is_verified BOOLEAN NOT NULL, session_data {bytes} NOT "
                  "NULL, PRIMARY KEY (account, version, room_id, session_id)) {clustered}"}}};
}

Migration claimed_keys() {
  return {
      .number = 2,
      .kind = MigrationKind::Expand,
      .summary = "Remembers one-time keys that were handed out.",
      .statements = {
          Sql{"CREATE TABLE claimed_keys (account BIGINT NOT NULL, device_id {bytes} NOT NULL, algorithm "
              "{bytes} NOT NULL, key_id {bytes} NOT NULL, key {bytes} NOT NULL, claimed_ts BIGINT NOT NULL, "
              "PRIMARY KEY (account, device_id, algorithm, key_id)) {clustered}"},
          Sql{"CREATE INDEX claimed_keys_claimed ON claimed_keys (claimed_ts)"}}};
}

}  // namespace

storage::Schema keys_schema() {
  const Owner user{.kind = OwnerKind::User, .column = "account"};
  const Owner device{.kind = OwnerKind::Device, .column = "account", .device_column = "device_id"};
  return {
      .plugin = "keys",
      .migrations = {first_tables(), claimed_keys()},
      .tables =
          {Table{.name = "device_keys",
                 .key = {"account", "device_id"},
                 .owners = {device},
                 .bound = "one per device",
                 .ends = "deletion of the device"},
           Table{.name = "one_time_keys",
                 .key = {"account", "device_id", "algorithm", "key_id"},
                 .owners = {device},
                 .bound = "1,000 per device, further ones are refused",
                 .ends = "being claimed; deletion of the device"},
           Table{.name = "claimed_keys",
                 .key = {"account", "device_id", "algorithm", "key_id"},
                 .owners = {device},
                 .bound = "what is claimed in a day",
                 .ends = "a day after `claimed_ts`; deletion of the device",
                 .prune =
                     storage::Statement{
                         "DELETE FROM claimed_keys WHERE (account, device_id, algorithm, key_id) IN (SELECT "
                         "account, device_id, algorithm, key_id FROM claimed_keys WHERE claimed_ts < CAST($1 "
                         "AS BIGINT) - "
                         "86400000 ORDER BY claimed_ts LIMIT $2)"}},
           Table{.name = "fallback_keys",
                 .key = {"account", "device_id", "algorithm"},
                 .owners = {device},
                 .bound = "10 algorithms per device",
                 .ends = "deletion of the device"},
           Table{.name = "cross_signing_keys",
                 .key = {"account", "usage"},
                 .owners = {user},
                 .bound = "three per user",
                 .ends = "erasure"},
           Table{.name = "key_signatures",
                 .key = {"account", "target", "signer", "key_id"},
                 .owners = {user, {.kind = OwnerKind::User, .column = "signer"}},
                 .bound = "two per device, one per pair of users of whom one has verified the other",
                 .ends = "deletion of the device; replacement of either key; erasure"},
           Table{.name = "room_key_versions",
                 .key = {"account"},
                 .owners = {user},
                 .bound = "one per user",
                 .ends = "erasure"},
           Table{.name = "room_key_backups",
                 .key = {"account", "version"},
                 .owners = {user},
                 .bound = "100 per user, the oldest go",
                 .ends = "deletion by the user"},
           Table{.name = "room_keys",
                 .key = {"account", "version", "room_id", "session_id"},
                 .owners = {user},
                 .bound = "1,000,000 per backup, further ones are refused",
                 .ends = "deletion by the user; with their backup"}},
  };
}

}  // namespace lares::keys
