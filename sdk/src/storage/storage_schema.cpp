// SPDX-License-Identifier: Apache-2.0
#include <lares/storage/migration.hpp>

namespace lares::storage {

Schema storage_schema() {
  Schema schema;
  schema.plugin = "storage";
  schema.migrations = {
      {.number = 1,
       .kind = MigrationKind::Expand,
       .summary = "Adds the tables of interned texts, numbers, background updates and purges.",
       .statements =
           {
               "CREATE TABLE users (number {id}, user_id {bytes} NOT NULL UNIQUE)",
               "CREATE TABLE rooms (number {id}, room_id {bytes} NOT NULL UNIQUE)",
               "CREATE TABLE state_keys (number {id}, type {bytes} NOT NULL, state_key {bytes} NOT NULL, "
               "UNIQUE (type, state_key))",
               "CREATE TABLE number_blocks (kind TEXT PRIMARY KEY, next BIGINT NOT NULL) {clustered}",
               "CREATE TABLE background_updates (name TEXT PRIMARY KEY, plugin TEXT NOT NULL, ordinal BIGINT "
               "NOT NULL, "
               "progress {bytes} NOT NULL, total_items BIGINT NOT NULL DEFAULT 0, "
               "total_duration_ms BIGINT NOT NULL DEFAULT 0)",
               "CREATE TABLE background_lease (lease TEXT PRIMARY KEY, holder {bytes} NOT NULL, until_ts "
               "BIGINT NOT NULL)",
               "CREATE TABLE purges (kind BIGINT NOT NULL, id {bytes} NOT NULL, device_id {bytes} NOT NULL, "
               "begun_ts BIGINT NOT NULL, PRIMARY KEY (kind, id, device_id))",
           }},
      {.number = 2,
       .kind = MigrationKind::Expand,
       .summary = "Adds the name of the server that the database belongs to.",
       .statements = {"CREATE TABLE database_server (id TEXT PRIMARY KEY, server_name TEXT NOT NULL)"}},
  };
  const std::vector<Owner> own{{.kind = OwnerKind::None}};
  const std::string_view kForEver =
      "never: numbers are kept in memory by every process and stand for the text for ever";
  schema.tables = {
      {.name = "schema_migrations",
       .key = {"plugin", "number"},
       .owners = own,
       .bound = "one per migration of this and earlier releases",
       .ends = "never: it is the history of the database"},
      {.name = "users",
       .key = {"number"},
       .owners = own,
       .bound = "one per user that something stored refers to; what a stranger merely asks about is never "
                "interned",
       .ends = kForEver},
      {.name = "rooms",
       .key = {"number"},
       .owners = own,
       .bound = "one per room that something stored refers to",
       .ends = kForEver},
      {.name = "state_keys",
       .key = {"number"},
       .owners = own,
       .bound = "one per (type, state key) that occurs in the state of a room",
       .ends = kForEver},
      {.name = "number_blocks",
       .key = {"kind"},
       .owners = own,
       .bound = "one per kind of number",
       .ends = "never: numbers are not given twice"},
      {.name = "database_server",
       .key = {"id"},
       .owners = own,
       .bound = "one",
       .ends = "never: users and rooms here bear the server's name"},
      {.name = "background_updates",
       .key = {"name"},
       .owners = own,
       .bound = "one per background update that is not done",
       .ends = "the last step of the update"},
      {.name = "background_lease",
       .key = {"lease"},
       .owners = own,
       .bound = "one",
       .ends = "never: the next process takes it over"},
      {.name = "purges",
       .key = {"kind", "id", "device_id"},
       .owners = own,
       .bound = "one per purge under way",
       .ends = "the last step of the purge"},
  };
  return schema;
}

}  // namespace lares::storage
