// SPDX-License-Identifier: Apache-2.0
#include "schema.hpp"

namespace lares::push_rules {

using storage::MigrationKind;
using storage::OwnerKind;
using storage::Sql;
using storage::Statement;
using storage::Table;

storage::Schema push_rules_schema() {
  return {
      .plugin = "push_rules",
      .migrations =
          {{.number = 1,
            .kind = MigrationKind::Expand,
            .summary = "Adds push rules, and what events are to users whose rules differ.",
            .statements =
                {Sql{"CREATE TABLE push_rulesets (owner {id}, rules {bytes} NOT NULL, position BIGINT NOT "
                     "NULL, "
                     "writer BIGINT NOT NULL)"},
                 Sql{"CREATE INDEX push_rulesets_position ON push_rulesets (position)"},
                 Sql{"CREATE TABLE push_exceptions (member BIGINT NOT NULL, room BIGINT NOT NULL, "
                     "position BIGINT NOT NULL, thread BIGINT NOT NULL, notify BIGINT NOT NULL, "
                     "created_ts BIGINT NOT NULL, PRIMARY KEY (member, room, position)) {clustered}"},
                 Sql{"CREATE INDEX push_exceptions_created ON push_exceptions (created_ts)"},
                 Sql{"CREATE INDEX push_exceptions_room ON push_exceptions (room)"},
                 Sql{"CREATE TABLE push_threads (root {id}, room BIGINT NOT NULL, event_id {bytes} NOT "
                     "NULL)"},
                 Sql{"CREATE INDEX push_threads_room ON push_threads (room)"}}}},
      .tables =
          {Table{.name = "push_rulesets",
                 .key = {"owner"},
                 .owners = {{.kind = OwnerKind::User, .column = "owner"}},
                 .bound = "one per user who has changed push rules, of 256 KiB at most",
                 .ends = "erasure of the user"},
           Table{
               .name = "push_exceptions",
               .key = {"member", "room", "position"},
               .owners = {{.kind = OwnerKind::Room, .column = "room"},
                          {.kind = OwnerKind::User, .column = "member"}},
               .bound = "one per local member and event of the last 30 days that is something else to the "
                        "member than to most, and one per member and room for the join",
               .ends = "30 days after `created_ts`; the member joins anew; purge of the room; erasure of the "
                       "user",
               .prune =
                   Statement{"DELETE FROM push_exceptions WHERE (member, room, position) IN (SELECT member, "
                             "room, position FROM push_exceptions WHERE created_ts > 0 AND "
                             "created_ts < CAST($1 AS BIGINT) - 2592000000 ORDER BY created_ts LIMIT $2)"}},
           Table{.name = "push_threads",
                 .key = {"root"},
                 .owners = {{.kind = OwnerKind::Room, .column = "room"}},
                 .bound = "one per thread",
                 .ends = "purge of the room"}},
  };
}

}  // namespace lares::push_rules
