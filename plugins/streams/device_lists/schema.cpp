// SPDX-License-Identifier: Apache-2.0
#include "schema.hpp"

namespace lares::device_lists {

using storage::Migration;
using storage::MigrationKind;
using storage::Owner;
using storage::OwnerKind;
using storage::Sql;
using storage::Table;

storage::Schema device_lists_schema() {
  const Owner user{.kind = OwnerKind::User, .column = "account"};
  return {
      .plugin = "device_lists",
      .migrations = {Migration{
          .number = 1,
          .kind = MigrationKind::Expand,
          .summary = "Adds changes of devices and keys, and who shares rooms with whom.",
          .statements =
              {Sql{"CREATE TABLE device_list_changes (account {id}, writer BIGINT NOT NULL, position BIGINT "
                   "NOT NULL)"},
               Sql{"CREATE INDEX device_list_changes_position ON device_list_changes (position)"},
               Sql{"CREATE TABLE user_signature_changes (signer BIGINT NOT NULL, account BIGINT NOT NULL, "
                   "writer BIGINT NOT NULL, position BIGINT NOT NULL, PRIMARY KEY (signer, account)) "
                   "{clustered}"},
               Sql{"CREATE INDEX user_signature_changes_position ON user_signature_changes (position)"},
               Sql{"CREATE TABLE device_list_pending (account {id})"},
               Sql{"CREATE TABLE room_sharing (room BIGINT NOT NULL, member BIGINT NOT NULL, joined BOOLEAN "
                   "NOT NULL, writer BIGINT NOT NULL, position BIGINT NOT NULL, PRIMARY KEY (room, member)) "
                   "{clustered}"},
               Sql{"CREATE INDEX room_sharing_room ON room_sharing (room, position)"},
               Sql{"CREATE INDEX room_sharing_member ON room_sharing (member, position)"}}}},
      .tables = {Table{.name = "device_list_changes",
                       .key = {"account"},
                       .owners = {user},
                       .bound = "one per user",
                       .ends = "erasure"},
                 Table{.name = "user_signature_changes",
                       .key = {"signer", "account"},
                       .owners = {{.kind = OwnerKind::User, .column = "signer"}, user},
                       .bound = "one per pair of users of whom one has verified the other",
                       .ends = "erasure of either"},
                 Table{.name = "device_list_pending",
                       .key = {"account"},
                       .owners = {user},
                       .bound = "one per change under way",
                       .ends = "the change has been announced"},
                 Table{.name = "room_sharing",
                       .key = {"room", "member"},
                       .owners = {{.kind = OwnerKind::Room, .column = "room"},
                                  {.kind = OwnerKind::User, .column = "member"}},
                       .bound = "one per room and user who ever was in it",
                       .ends = "purge of the room"}},
  };
}

}  // namespace lares::device_lists
