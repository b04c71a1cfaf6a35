// SPDX-License-Identifier: Apache-2.0
#include "schema.hpp"

namespace lares::receipts {

using storage::MigrationKind;
using storage::OwnerKind;
using storage::Sql;

storage::Schema receipts_schema() {
  return {
      .plugin = "receipts",
      .migrations =
          {{.number = 1,
            .kind = MigrationKind::Expand,
            .summary = "Adds read receipts.",
            // `thread` is empty without one, "main", or the id of the thread's root, whose number is
            // `thread_root`.
            .statements =
                {Sql{"CREATE TABLE receipts (room BIGINT NOT NULL, reader BIGINT NOT NULL, "
                     "private BOOLEAN NOT NULL, thread {bytes} NOT NULL, thread_root BIGINT NOT NULL, "
                     "event_id {bytes} NOT NULL, event_position BIGINT NOT NULL, read_ts BIGINT NOT "
                     "NULL, position BIGINT NOT NULL, writer BIGINT NOT NULL, "
                     "PRIMARY KEY (room, reader, private, thread)) {clustered}"},
                 Sql{"CREATE INDEX receipts_news ON receipts (room, position)"},
                 Sql{"CREATE INDEX receipts_position ON receipts (position)"},
                 Sql{"CREATE INDEX receipts_reader ON receipts (reader)"}}}},
      .tables = {{.name = "receipts",
                  .key = {"room", "reader", "private", "thread"},
                  .owners = {{.kind = OwnerKind::Room, .column = "room"},
                             {.kind = OwnerKind::User, .column = "reader"}},
                  .bound =
                      "per room, user and type one without a thread and 1,000 of threads, older ones go at "
                      "insert",
                  .ends = "purge of the room; erasure of the user"}},
  };
}

}  // namespace lares::receipts
