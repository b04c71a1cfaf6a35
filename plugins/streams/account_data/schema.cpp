// SPDX-License-Identifier: Apache-2.0
#include "schema.hpp"

namespace lares::account_data {

using storage::MigrationKind;
using storage::OwnerKind;
using storage::Sql;

storage::Schema account_data_schema() {
  return {
      .plugin = "account_data",
      .migrations =
          {{.number = 1,
            .kind = MigrationKind::Expand,
            .summary = "Adds account data of users, as a whole and for rooms.",
            // Room 0 is the account as a whole. What was deleted stays as a row, so that other
            // devices hear of it.
            .statements = {Sql{"CREATE TABLE account_data (account BIGINT NOT NULL, room BIGINT NOT NULL, "
                               "type {bytes} NOT NULL, content {bytes} NOT NULL, deleted BOOLEAN NOT NULL, "
                               "position BIGINT NOT NULL, writer BIGINT NOT NULL, "
                               "PRIMARY KEY (account, room, type)) {clustered}"},
                           Sql{"CREATE INDEX account_data_news ON account_data (account, position)"},
                           Sql{"CREATE INDEX account_data_position ON account_data (position)"},
                           Sql{"CREATE INDEX account_data_room ON account_data (room)"}}}},
      .tables = {{.name = "account_data",
                  .key = {"account", "room", "type"},
                  .owners = {{.kind = OwnerKind::User, .column = "account"},
                             {.kind = OwnerKind::Room, .column = "room"}},
                  .bound = "1,000 types per user, and 100 per user and room that the user was in",
                  .ends = "erasure of the user; purge of the room"}},
  };
}

}  // namespace lares::account_data
