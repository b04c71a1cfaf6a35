// SPDX-License-Identifier: Apache-2.0
#include "schema.hpp"

namespace lares::identity {

using storage::Migration;
using storage::MigrationKind;
using storage::Owner;
using storage::OwnerKind;
using storage::Sql;
using storage::Statement;
using storage::Table;

namespace {

Migration first_tables() {
  return {
      .number = 1,
      .kind = MigrationKind::Expand,
      .summary = "Adds accounts, devices, access tokens, profiles and authentication sessions.",
      .statements =
          {
              Sql{"CREATE TABLE accounts (account {id}, user_id {bytes} NOT NULL, password_hash TEXT, "
                  "guest BOOLEAN NOT NULL, admin BOOLEAN NOT NULL, locked BOOLEAN NOT NULL DEFAULT FALSE, "
                  "suspended BOOLEAN NOT NULL DEFAULT FALSE, deactivated BOOLEAN NOT NULL DEFAULT FALSE, "
                  "shadow_banned BOOLEAN NOT NULL DEFAULT FALSE, appservice_id TEXT, created_ts BIGINT NOT "
                  "NULL)"},
              Sql{"CREATE UNIQUE INDEX accounts_user_id ON accounts (user_id)"},
              Sql{"CREATE TABLE devices (account BIGINT NOT NULL, device_id {bytes} NOT NULL, display_name "
                  "{bytes}, "
                  "last_seen_ts BIGINT, last_seen_ip TEXT, user_agent {bytes}, created_ts BIGINT NOT NULL, "
                  "PRIMARY KEY (account, device_id)) {clustered}"},
              // `hash` is the SHA-256 of the token: what is stored admits nobody.
              Sql{"CREATE TABLE access_tokens (token BIGINT PRIMARY KEY, hash {bytes} NOT NULL, account "
                  "BIGINT NOT "
                  "NULL, device_id {bytes}, refresh_token BIGINT, expires_ts BIGINT, used BOOLEAN NOT NULL "
                  "DEFAULT "
                  "FALSE, created_ts BIGINT NOT NULL)"},
              Sql{"CREATE UNIQUE INDEX access_tokens_hash ON access_tokens (hash)"},
              Sql{"CREATE INDEX access_tokens_device ON access_tokens (account, device_id)"},
              Sql{"CREATE TABLE refresh_tokens (token BIGINT PRIMARY KEY, hash {bytes} NOT NULL, account "
                  "BIGINT NOT "
                  "NULL, device_id {bytes} NOT NULL, next BIGINT, expires_ts BIGINT, created_ts BIGINT NOT "
                  "NULL)"},
              Sql{"CREATE UNIQUE INDEX refresh_tokens_hash ON refresh_tokens (hash)"},
              Sql{"CREATE INDEX refresh_tokens_device ON refresh_tokens (account, device_id)"},
              Sql{"CREATE TABLE profiles (account {id}, displayname {bytes}, avatar_url {bytes})"},
              Sql{"CREATE TABLE uia_sessions (session {bytes} PRIMARY KEY, account BIGINT, operation TEXT "
                  "NOT NULL, "
                  "completed TEXT NOT NULL, result {bytes}, created_ts BIGINT NOT NULL)"},
              Sql{"CREATE INDEX uia_sessions_created ON uia_sessions (created_ts)"},
              Sql{"CREATE TABLE registration_nonces (nonce TEXT PRIMARY KEY, created_ts BIGINT NOT NULL)"},
          },
  };
}

Migration registration_tokens() {
  return {.number = 2,
          .kind = MigrationKind::Expand,
          .summary = "Adds registration tokens, and what is left to do in users' rooms.",
          .statements = {
              Sql{"CREATE TABLE registration_tokens (token {bytes} PRIMARY KEY, uses_allowed BIGINT, "
                  "completed BIGINT NOT NULL, expiry_ts BIGINT)"},
              Sql{"ALTER TABLE uia_sessions ADD COLUMN registration_token {bytes}"},
              Sql{"CREATE INDEX uia_sessions_registration_token ON uia_sessions (registration_token) "
                  "WHERE registration_token IS NOT NULL"},
              Sql{"CREATE TABLE account_tasks (account BIGINT NOT NULL, task BIGINT NOT NULL, requested_ts "
                  "BIGINT NOT NULL, PRIMARY KEY (account, task)) {clustered}"},
          }};
}

Migration profile_fields() {
  return {.number = 3,
          .kind = MigrationKind::Expand,
          .summary = "Adds further fields of profiles.",
          .statements = {Sql{"ALTER TABLE profiles ADD COLUMN fields {bytes}"}}};
}

Migration use_of_devices() {
  return {.number = 4,
          .kind = MigrationKind::Expand,
          .summary = "Finds the devices whose last address is to be forgotten.",
          .statements = {Sql{"CREATE INDEX devices_last_seen ON devices (last_seen_ts) WHERE last_seen_ip IS "
                             "NOT NULL"}}};
}

Migration erased_accounts() {
  return {.number = 5,
          .kind = MigrationKind::Expand,
          .summary = "Marks accounts whose users asked to be erased.",
          .statements = {Sql{"ALTER TABLE accounts ADD COLUMN erased BOOLEAN NOT NULL DEFAULT FALSE"}}};
}

Migration proofs() {
  return {.number = 6,
          .kind = MigrationKind::Expand,
          .summary = "Notes when the holder of a token has shown who they are.",
          .statements = {Sql{"ALTER TABLE access_tokens ADD COLUMN proven_ts BIGINT"}}};
}

Migration dialogues_of_users() {
  return {.number = 7,
          .kind = MigrationKind::Expand,
          .summary = "Finds a user's authentication sessions.",
          .statements = {Sql{"CREATE INDEX uia_sessions_account ON uia_sessions (account, created_ts) WHERE "
                             "account IS NOT NULL"}}};
}

}  // namespace

storage::Schema identity_schema() {
  const Owner user{.kind = OwnerKind::User, .column = "account"};
  const Owner device{.kind = OwnerKind::Device, .column = "account", .device_column = "device_id"};
  return {
      .plugin = "identity",
      .migrations = {first_tables(), registration_tokens(), profile_fields(), use_of_devices(),
                     erased_accounts(), proofs(), dialogues_of_users()},
      .tables =
          {
              Table{.name = "accounts",
                    .key = {"account"},
                    .owners = {{.kind = OwnerKind::None}},
                    .bound = "one per registered user, which the registration limits admit",
                    .ends =
                        "never: an erased account stays, without password or profile, so that its name is "
                        "not given again"},
              Table{.name = "devices",
                    .key = {"account", "device_id"},
                    .owners = {device},
                    .bound = "one per login that has not ended",
                    .ends = "logout; deletion; deactivation"},
              Table{.name = "access_tokens",
                    .key = {"token"},
                    .owners = {device},
                    .bound = "one per login, two while a token is being refreshed",
                    .ends =
                        "logout; refresh; the end of its device: who comes with one that has expired is told "
                        "so, and not that the device is gone"},
              Table{.name = "refresh_tokens",
                    .key = {"token"},
                    .owners = {device},
                    .bound = "two per login",
                    .ends = "logout; first use of the token after it; the end of its device"},
              Table{.name = "profiles",
                    .key = {"account"},
                    .owners = {user},
                    .bound = "one per user",
                    .ends = "erasure"},
              Table{
                  .name = "uia_sessions",
                  .key = {"session"},
                  .owners = {{.kind = OwnerKind::None}},
                  .bound =
                      "20 per user, the oldest go at insert; what the registration limits admit in a day",
                  .ends = "a day after `created_ts`; later ones of the user",
                  .prune =
                      Statement{
                          "DELETE FROM uia_sessions WHERE session IN (SELECT session FROM uia_sessions "
                          "WHERE created_ts < CAST($1 AS BIGINT) - 86400000 ORDER BY created_ts LIMIT $2)"}},
              Table{.name = "registration_tokens",
                    .key = {"token"},
                    .owners = {{.kind = OwnerKind::None}},
                    .bound = "what administrators make",
                    .ends = "deletion by an administrator"},
              Table{.name = "account_tasks",
                    .key = {"account", "task"},
                    .owners = {user},
                    .bound = "three per account",
                    .ends = "the task is done"},
              Table{.name = "registration_nonces",
                    .key = {"nonce"},
                    .owners = {{.kind = OwnerKind::None}},
                    .bound = "what is registered by the shared secret in a minute",
                    .ends = "a minute after `created_ts`, when the nonce no longer holds",
                    .prune =
                        Statement{
                            "DELETE FROM registration_nonces WHERE nonce IN (SELECT nonce FROM "
                            "registration_nonces WHERE created_ts < CAST($1 AS BIGINT) - 60000 LIMIT $2)"}},
          },
  };
}

}  // namespace lares::identity
