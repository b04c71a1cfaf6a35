// SPDX-License-Identifier: Apache-2.0
#include "schema.hpp"

namespace lares::events {

using storage::Migration;
using storage::MigrationKind;
using storage::Owner;
using storage::OwnerKind;
using storage::Sql;
using storage::Statement;
using storage::Table;

std::string_view membership_name(MembershipCode code) noexcept {
  switch (code) {
    case MembershipCode::kJoin:
      return "join";
    case MembershipCode::kInvite:
      return "invite";
    case MembershipCode::kKnock:
      return "knock";
    case MembershipCode::kLeave:
      return "leave";
    case MembershipCode::kBan:
      return "ban";
  }
  return "leave";
}

MembershipCode membership_code(std::string_view name) noexcept {
  for (const MembershipCode code :
       {MembershipCode::kJoin, MembershipCode::kInvite, MembershipCode::kKnock, MembershipCode::kBan}) {
    if (membership_name(code) == name) {
      return code;
    }
  }
  return MembershipCode::kLeave;
}

namespace {

Migration first_tables() {
  return {
      .number = 1,
      .kind = MigrationKind::Expand,
      .summary = "Adds rooms, events, their state and memberships.",
      .statements =
          {
              // `position` is the stream id: NULL for an outlier, negative for a backfilled event.
              Sql{"CREATE TABLE events (event {id}, room BIGINT NOT NULL, event_id {bytes} NOT NULL, "
                  "writer BIGINT NOT NULL, position BIGINT, depth BIGINT NOT NULL, sender BIGINT NOT NULL, "
                  "state_key BIGINT, state_before BIGINT, state_after BIGINT, flags BIGINT NOT NULL, "
                  "redacted_by BIGINT, header {bytes} NOT NULL, body {bytes} NOT NULL)"},
              Sql{"CREATE UNIQUE INDEX events_event_id ON events (event_id)"},
              Sql{"CREATE UNIQUE INDEX events_position ON events (position) WHERE position IS NOT NULL"},
              Sql{"CREATE INDEX events_room_position ON events (room, position) WHERE position IS NOT NULL"},
              Sql{"CREATE INDEX events_room_history ON events (room, depth, position) WHERE position IS NOT "
                  "NULL"},
              Sql{"CREATE TABLE room_heads (room {id}, version TEXT NOT NULL, state BIGINT NOT NULL, "
                  "next_block BIGINT NOT NULL, extremities {bytes} NOT NULL)"},
              Sql{"CREATE TABLE state_blocks (room BIGINT NOT NULL, block BIGINT NOT NULL, body {bytes} NOT "
                  "NULL, "
                  "PRIMARY KEY (room, block)) {clustered}"},
              Sql{"CREATE TABLE room_memberships (room BIGINT NOT NULL, member BIGINT NOT NULL, "
                  "membership BIGINT NOT NULL, event BIGINT NOT NULL, writer BIGINT NOT NULL, "
                  "position BIGINT NOT NULL, forgotten BOOLEAN NOT NULL DEFAULT FALSE, "
                  "PRIMARY KEY (room, member)) {clustered}"},
              Sql{"CREATE INDEX room_memberships_member ON room_memberships (member, membership, room)"},
              Sql{"CREATE TABLE event_transactions (scope {bytes} NOT NULL, room BIGINT NOT NULL, "
                  "txn_id {bytes} NOT NULL, event BIGINT NOT NULL, created_ts BIGINT NOT NULL, "
                  "PRIMARY KEY (scope, room, txn_id)) {clustered}"},
              Sql{"CREATE INDEX event_transactions_event ON event_transactions (event)"},
              Sql{"CREATE INDEX event_transactions_created ON event_transactions (created_ts)"},
              Sql{"CREATE TABLE events_sequence (id BIGINT PRIMARY KEY, value BIGINT NOT NULL)",
                  "CREATE SEQUENCE events_sequence"},
              // The first position is 2: 1 stands for what everyone has seen.
              Sql{"INSERT INTO events_sequence (id, value) VALUES (1, 1)",
                  "SELECT nextval('events_sequence')"},
          },
  };
}

Migration threads() {
  return {.number = 2,
          .kind = MigrationKind::Expand,
          .summary = "Adds the thread that an event belongs to.",
          .statements = {Sql{"ALTER TABLE events ADD COLUMN thread BIGINT"}}};
}

Migration relations() {
  return {.number = 3,
          .kind = MigrationKind::Expand,
          .summary = "Adds relations between events.",
          .statements = {
              Sql{"CREATE TABLE event_relations (event {id}, room BIGINT NOT NULL, target BIGINT NOT NULL, "
                  "position BIGINT NOT NULL, sender BIGINT NOT NULL, rel_type {bytes} NOT NULL, type {bytes} "
                  "NOT NULL, annotation {bytes})"},
              Sql{"CREATE INDEX event_relations_target ON event_relations (target, rel_type, position)"},
              Sql{"CREATE INDEX event_relations_room ON event_relations (room, rel_type, target, position)"},
              // A user says the same of an event once.
              Sql{"CREATE UNIQUE INDEX event_relations_annotation ON event_relations (target, sender, type, "
                  "annotation) WHERE annotation IS NOT NULL"},
          }};
}

// What a room has of other servers' events, and what is left to do for its events.
Migration received_events() {
  return {
      .number = 4,
      .kind = MigrationKind::Expand,
      .summary = "Adds holes in rooms' histories, partial states, and what is to be tidied up.",
      .statements = {
          Sql{"CREATE TABLE events_backfill_sequence (id BIGINT PRIMARY KEY, value BIGINT NOT NULL)",
              "CREATE SEQUENCE events_backfill_sequence"},
          Sql{"INSERT INTO events_backfill_sequence (id, value) VALUES (1, 0)",
              "SELECT last_value FROM events_backfill_sequence"},
          Sql{"CREATE TABLE room_holes (room BIGINT NOT NULL, missing {bytes} NOT NULL, event BIGINT NOT "
              "NULL, depth BIGINT NOT NULL, PRIMARY KEY (room, missing, event)) {clustered}"},
          Sql{"CREATE TABLE partial_state_rooms (room {id}, servers {bytes} NOT NULL, begun_ts BIGINT NOT "
              "NULL)"},
          Sql{"CREATE TABLE partial_state_events (room BIGINT NOT NULL, event BIGINT NOT NULL, PRIMARY "
              "KEY (room, event)) {clustered}"},
          Sql{"CREATE TABLE dropped_states (room BIGINT NOT NULL, root BIGINT NOT NULL, PRIMARY KEY "
              "(room, root)) {clustered}"},
          Sql{"CREATE TABLE redacted_events (event {id}, room BIGINT NOT NULL, redacted_ts BIGINT NOT "
              "NULL)"},
          Sql{"CREATE INDEX redacted_events_ts ON redacted_events (redacted_ts)"},
          Sql{"CREATE INDEX redacted_events_room ON redacted_events (room)"},
      }};
}

}  // namespace

storage::Schema events_schema() {
  const Owner room{.kind = OwnerKind::Room, .column = "room"};
  return {
      .plugin = "events",
      .migrations = {first_tables(), threads(), relations(), received_events()},
      .tables =
          {
              Table{.name = "events",
                    .key = {"event"},
                    .owners = {room},
                    .bound = "one per event that was accepted, or is known as an outlier",
                    .ends = "purge of the room; retention"},
              Table{.name = "event_relations",
                    .key = {"event"},
                    .owners = {room},
                    .bound = "one per event that relates to another of its room",
                    .ends = "redaction of the event; purge of the room"},
              Table{.name = "room_heads",
                    .key = {"room"},
                    .owners = {room},
                    .bound = "one per room",
                    .ends = "purge of the room"},
              Table{.name = "state_blocks",
                    .key = {"room", "block"},
                    .owners = {room},
                    .bound = "in the order of the logarithm of the state's size per change of state",
                    .ends = "purge of the room; no state refers to it any more"},
              Table{.name = "room_memberships",
                    .key = {"room", "member"},
                    .owners = {room},
                    .bound = "one per room and user that was ever a member",
                    .ends = "purge of the room"},
              Table{.name = "event_transactions",
                    .key = {"scope", "room", "txn_id"},
                    .owners = {room},
                    .bound = "one per event that a client sent within a day",
                    .ends = "a day after `created_ts`",
                    .prune =
                        Statement{
                            "DELETE FROM event_transactions WHERE (scope, room, txn_id) IN (SELECT scope, "
                            "room, txn_id FROM event_transactions WHERE created_ts < CAST($1 AS BIGINT) - "
                            "86400000 "
                            "ORDER BY created_ts LIMIT $2)"}},
              Table{.name = "room_holes",
                    .key = {"room", "missing", "event"},
                    .owners = {room},
                    .bound = "20 per event that came from another server, its prev_events",
                    .ends = "the missing event gets its place; purge of the room"},
              Table{.name = "partial_state_rooms",
                    .key = {"room"},
                    .owners = {room},
                    .bound = "one per room that was joined and whose members are not all known yet",
                    .ends = "the state is whole; purge of the room"},
              Table{.name = "partial_state_events",
                    .key = {"room", "event"},
                    .owners = {room},
                    .bound = "one per event since the join of such a room",
                    .ends = "its state is replaced by the whole one; purge of the room"},
              Table{.name = "dropped_states",
                    .key = {"room", "root"},
                    .owners = {room},
                    .bound = "two per event whose state was replaced or that was deleted",
                    .ends = "the room's writer has collected the blocks; purge of the room"},
              Table{.name = "redacted_events",
                    .key = {"event"},
                    .owners = {room},
                    .bound = "one per event that was redacted within redaction_retention_period",
                    .ends = "the event's bytes are rewritten; purge of the room"},
              Table{.name = "events_backfill_sequence",
                    .key = {"id"},
                    .owners = {{.kind = OwnerKind::None}},
                    .bound = "one row",
                    .ends = "never"},
              Table{.name = "events_sequence",
                    .key = {"id"},
                    .owners = {{.kind = OwnerKind::None}},
                    .bound = "one row",
                    .ends = "never"},
          },
  };
}

}  // namespace lares::events
