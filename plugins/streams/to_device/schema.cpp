// SPDX-License-Identifier: Apache-2.0
#include "schema.hpp"

namespace lares::to_device {

using storage::Migration;
using storage::MigrationKind;
using storage::OwnerKind;
using storage::Sql;
using storage::Statement;
using storage::Table;

storage::Schema to_device_schema() {
  return {
      .plugin = "to_device",
      .migrations = {Migration{
          .number = 1,
          .kind = MigrationKind::Expand,
          .summary = "Adds messages between devices.",
          .statements =
              {// `number` counts a device's messages without gaps, since only the oldest ever go: newest less
               // oldest is how many wait.
               Sql{"CREATE TABLE to_device_messages (account BIGINT NOT NULL, device_id {bytes} NOT NULL, "
                   "position BIGINT NOT NULL, number BIGINT NOT NULL, message {bytes} NOT NULL, "
                   "PRIMARY KEY (account, device_id, position)) {clustered}"},
               Sql{"CREATE INDEX to_device_messages_position ON to_device_messages (position, account)"},
               Sql{"CREATE TABLE to_device_transactions (scope {bytes} NOT NULL, type {bytes} NOT NULL, "
                   "txn_id {bytes} NOT NULL, created_ts BIGINT NOT NULL, "
                   "PRIMARY KEY (scope, type, txn_id)) {clustered}"},
               Sql{"CREATE INDEX to_device_transactions_created ON to_device_transactions "
                   "(created_ts)"}}}},
      .tables =
          {Table{
               .name = "to_device_messages",
               .key = {"account", "device_id", "position"},
               .owners = {{.kind = OwnerKind::Device, .column = "account", .device_column = "device_id"}},
               .bound = "10,000 per device, the oldest go at insert",
               .ends =
                   "a sync of the device with a token at or beyond it; deletion of the device, or the next "
                   "look for those that came after it",
               .excess = Statement{"SELECT COUNT(*) FROM (SELECT 1 FROM to_device_messages GROUP BY account, "
                                   "device_id HAVING COUNT(*) > 10000) AS full_devices"}},
           Table{
               .name = "to_device_transactions",
               .key = {"scope", "type", "txn_id"},
               .owners = {{.kind = OwnerKind::None}},
               .bound = "what devices send in a day",
               .ends = "a day after `created_ts`",
               .prune = Statement{"DELETE FROM to_device_transactions WHERE (scope, type, txn_id) IN (SELECT "
                                  "scope, type, txn_id FROM to_device_transactions WHERE created_ts < "
                                  "CAST($1 AS BIGINT) - "
                                  "86400000 ORDER BY created_ts LIMIT $2)"}}},
  };
}

}  // namespace lares::to_device
