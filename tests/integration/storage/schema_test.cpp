// SPDX-License-Identifier: Apache-2.0
#include "storage_test.hpp"

#include <lares/async/when_all.hpp>
#include <lares/storage/intern.hpp>
#include <lares/storage/purge.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace lares::storage::test {
namespace {

// A plugin's tables, one for each way to belong to someone.
Schema sample_schema() {
  Schema schema;
  schema.plugin = "sample";
  schema.migrations = {
      {.number = 1,
       .kind = MigrationKind::Expand,
       .summary = "Adds tables of every kind.",
       .statements = {"CREATE TABLE s_events (number {id}, room BIGINT NOT NULL, body {bytes} NOT NULL)",
                      "CREATE INDEX s_events_room ON s_events (room)",
                      "CREATE TABLE s_edges (event BIGINT NOT NULL, prev BIGINT NOT NULL, PRIMARY KEY "
                      "(event, prev)) {clustered}",
                      "CREATE TABLE s_receipts (room BIGINT NOT NULL, reader BIGINT NOT NULL, PRIMARY KEY "
                      "(room, reader)) {clustered}",
                      "CREATE TABLE s_inbox (number {id}, reader BIGINT NOT NULL, device_id {bytes} NOT "
                      "NULL, expires_ts BIGINT "
                      "NOT NULL)",
                      "CREATE TABLE s_keys (server {bytes} NOT NULL, key_id {bytes} NOT NULL, PRIMARY KEY "
                      "(server, key_id))",
                      "CREATE TABLE s_queue (destination {bytes} NOT NULL, number BIGINT NOT NULL, PRIMARY "
                      "KEY (destination, number))"}},
      {.number = 2,
       .kind = MigrationKind::Expand,
       .summary = "Adds names by text.",
       .statements = {"CREATE TABLE s_names (user_id {bytes} PRIMARY KEY, name {bytes} NOT NULL)"},
       .starts = {"sample_fill"}},
  };
  schema.tables = {
      {.name = "s_events",
       .key = {"number"},
       .owners = {{.kind = OwnerKind::Room, .column = "room"}},
       .bound = "one per event",
       .ends = "purge of the room"},
      {.name = "s_edges",
       .key = {"event", "prev"},
       .owners = {{.kind = OwnerKind::Room, .column = "event", .through = "s_events"}},
       .bound = "20 per event",
       .ends = "its event"},
      {.name = "s_receipts",
       .key = {"room", "reader"},
       .owners = {{.kind = OwnerKind::Room, .column = "room"}, {.kind = OwnerKind::User, .column = "reader"}},
       .bound = "one per room and user",
       .ends = "purge of the room",
       .excess = Statement{"SELECT COUNT(*) FROM s_receipts WHERE reader < 0"}},
      {.name = "s_inbox",
       .key = {"number"},
       .owners = {{.kind = OwnerKind::Device, .column = "reader", .device_column = "device_id"}},
       .bound = "100 per device",
       .ends = "delivery, or 7 days",
       .prune = Statement{"DELETE FROM s_inbox WHERE number IN (SELECT number FROM s_inbox WHERE expires_ts "
                          "<= $1 LIMIT $2)"}},
      {.name = "s_keys",
       .key = {"server", "key_id"},
       .owners = {{.kind = OwnerKind::Server, .reference = OwnerReference::Text, .column = "server"}},
       .bound = "16 per server",
       .ends = "a year unused"},
      {.name = "s_queue",
       .key = {"destination", "number"},
       .owners = {{.kind = OwnerKind::Destination,
                   .reference = OwnerReference::Text,
                   .column = "destination"}},
       .bound = "1000 per destination",
       .ends = "delivery"},
      {.name = "s_names",
       .key = {"user_id"},
       .owners = {{.kind = OwnerKind::User, .reference = OwnerReference::Text, .column = "user_id"}},
       .bound = "one per user",
       .ends = "erasure"},
  };
  schema.updates = {{.name = "sample_fill",
                     .step = [](WriteTransaction& tx, const std::string& progress, std::int64_t batch) {
                       static constexpr Statement kInsert{
                           "INSERT INTO s_names (user_id, name) VALUES ($1, $2)"};
                       std::int64_t at = progress.empty() ? 0 : std::stoll(progress);
                       BackgroundStep step;
                       for (; step.items < batch && at < 250; ++step.items, ++at) {
                         tx.exec(kInsert, Bytes{fmt::format("@u{}:s", at)}, Bytes{"x"});
                       }
                       step.progress = std::to_string(at);
                       step.done = at >= 250;
                       return step;
                     }}};
  return schema;
}

std::int64_t rows(ReadTransaction& tx, std::string_view table) {
  return tx.one(Statement::generated(fmt::format("SELECT COUNT(*) FROM {}", table)),
                [](const Row& row) { return row.i64(0); });
}

class Schemas : public StorageTest {
 protected:
  MigrationReport migrate_all(std::vector<Schema> schemas) {
    return run_blocking(runtime_, "test", migrate(*database_, schemas, 1000));
  }
  void fill(std::int64_t room, std::int64_t user, std::string_view user_id, std::string_view server,
            int count) {
    static constexpr Statement kEvent{"INSERT INTO s_events (number, room, body) VALUES ($1, $2, $3)"};
    static constexpr Statement kEdge{"INSERT INTO s_edges (event, prev) VALUES ($1, $2)"};
    static constexpr Statement kReceipt{"INSERT INTO s_receipts (room, reader) VALUES ($1, $2)"};
    static constexpr Statement kInbox{
        "INSERT INTO s_inbox (number, reader, device_id, expires_ts) VALUES ($1, $2, $3, $4)"};
    static constexpr Statement kKey{"INSERT INTO s_keys (server, key_id) VALUES ($1, $2)"};
    static constexpr Statement kQueue{"INSERT INTO s_queue (destination, number) VALUES ($1, $2)"};
    static constexpr Statement kName{"INSERT INTO s_names (user_id, name) VALUES ($1, $2)"};
    write([&](WriteTransaction& tx) {
      for (int i = 0; i < count; ++i) {
        const std::int64_t number = room * 100000 + i;
        tx.exec(kEvent, number, room, Bytes{"{}"});
        tx.exec(kEdge, number, number - 1);
        tx.exec(kEdge, number, number - 2);
        tx.exec(kInbox, number, user, i % 2 == 0 ? Bytes{"PHONE"} : Bytes{"LAPTOP"}, number);
        tx.exec(kKey, Bytes{server}, Bytes{std::to_string(i)});
        tx.exec(kQueue, Bytes{server}, i);
      }
      tx.exec(kReceipt, room, user);
      tx.exec(kName, Bytes{user_id}, Bytes{"name"});
    });
  }
  PurgeReport purge(OwnerId owner) {
    const std::vector<Schema> schemas{storage_schema(), sample_schema()};
    return run_blocking(runtime_, "test", purge_owner(*database_, schemas, std::move(owner), 5));
  }
  std::map<std::string, std::int64_t> counts() {
    return read([](ReadTransaction& tx) {
      std::map<std::string, std::int64_t> result;
      for (const Table& table : sample_schema().tables) {
        result[std::string{table.name}] = rows(tx, table.name);
      }
      return result;
    });
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, Schemas, testing::ValuesIn(engine_cases()), case_name);

TEST_P(Schemas, MigrationsRunOnceAndInOrder) {
  const MigrationReport first = migrate_all({sample_schema()});
  EXPECT_EQ(first.applied,
            (std::vector<std::string>{
                "storage 1: Adds the tables of interned texts, numbers, background updates and purges.",
                "storage 2: Adds the name of the server that the database belongs to.",
                "sample 1: Adds tables of every kind.", "sample 2: Adds names by text."}));
  EXPECT_TRUE(migrate_all({sample_schema()}).applied.empty());
}

TEST_P(Schemas, ADatabaseOfALaterExpandStepIsAcceptedAndOfALaterContractStepRefused) {
  Schema later = sample_schema();
  later.migrations.push_back(
      {.number = 3,
       .kind = MigrationKind::Expand,
       .summary = "Adds a column.",
       .statements = {"ALTER TABLE s_names ADD COLUMN age BIGINT NOT NULL DEFAULT 0"}});
  migrate_all({later});
  EXPECT_TRUE(migrate_all({sample_schema()}).applied.empty());
  later.migrations.push_back({.number = 4,
                              .kind = MigrationKind::Contract,
                              .summary = "Removes it.",
                              .statements = {"ALTER TABLE s_names DROP COLUMN age"}});
  migrate_all({later});
  try {
    migrate_all({sample_schema()});
    FAIL();
  } catch (const MigrationError& error) {
    EXPECT_EQ(std::string{error.what()},
              "The database was changed by a later release in a way that this one cannot work with: sample "
              "has been "
              "through step 4, this build knows 2. Install that release again, or restore the backup made "
              "before it.");
  }
}

TEST_P(Schemas, AMigrationThatFailsLeavesNothingOfItself) {
  Schema broken = sample_schema();
  broken.migrations[1].statements.push_back("CREATE TABLE s_names (a BIGINT)");
  EXPECT_THROW(migrate_all({broken}), Error);
  EXPECT_EQ(migrate_all({sample_schema()}).applied,
            (std::vector<std::string>{"sample 2: Adds names by text."}));
}

TEST_P(Schemas, WrongDeclarationsAreRefusedBeforeAnythingIsDone) {
  Schema wrong = sample_schema();
  wrong.tables.pop_back();
  EXPECT_THROW(migrate_all({wrong}), MigrationError);
  EXPECT_EQ(migrate_all({sample_schema()}).applied.size(), 4U);
}

TEST_P(Schemas, OfTwoProcessesOneMigrates) {
  if (GetParam().engine == Engine::Sqlite) {
    GTEST_SKIP() << "one process alone works on an SQLite database";
  }
  const std::unique_ptr<Database> second = second_handle();
  const std::vector<Schema> schemas{sample_schema()};
  const auto both =
      run_blocking(runtime_, "test", when_all(migrate(*database_, schemas, 1), migrate(*second, schemas, 1)));
  EXPECT_EQ(std::get<0>(both).applied.size() + std::get<1>(both).applied.size(), 4U);
}

TEST_P(Schemas, PurgingARoomLeavesNothingOfItAndAllOfTheOthers) {
  migrate_all({sample_schema()});
  Interner interner{*database_, runtime_, {}};
  const auto room_a = run_blocking(runtime_, "test", interner.intern_room("!a:s"));
  const auto room_b = run_blocking(runtime_, "test", interner.intern_room("!b:s"));
  const auto user = run_blocking(runtime_, "test", interner.intern_user("@u:s"));
  const auto other = run_blocking(runtime_, "test", interner.intern_user("@o:s"));
  fill(room_a, user, "@u:s", "one", 1201);
  fill(room_b, other, "@o:s", "two", 10);
  const PurgeReport report = purge({.kind = OwnerKind::Room, .id = "!a:s", .device_id = ""});
  EXPECT_EQ(report.rows, 1201U * 3 + 1);
  EXPECT_GE(report.steps, 4U);
  const auto left = counts();
  EXPECT_EQ(left.at("s_events"), 10);
  EXPECT_EQ(left.at("s_edges"), 20);
  EXPECT_EQ(left.at("s_receipts"), 1);
  EXPECT_EQ(left.at("s_inbox"), 1211);
}

TEST_P(Schemas, ErasingAUserTakesTheDevicesToo) {
  migrate_all({sample_schema()});
  Interner interner{*database_, runtime_, {}};
  const auto room = run_blocking(runtime_, "test", interner.intern_room("!a:s"));
  const auto user = run_blocking(runtime_, "test", interner.intern_user("@u:s"));
  fill(room, user, "@u:s", "one", 20);
  purge({.kind = OwnerKind::Device, .id = "@u:s", .device_id = "PHONE"});
  EXPECT_EQ(counts().at("s_inbox"), 10);
  purge({.kind = OwnerKind::User, .id = "@u:s", .device_id = ""});
  const auto left = counts();
  EXPECT_EQ(left.at("s_inbox"), 0);
  EXPECT_EQ(left.at("s_receipts"), 0);
  EXPECT_EQ(left.at("s_names"), 0);
  EXPECT_EQ(left.at("s_events"), 20);
}

TEST_P(Schemas, AfterEveryOwnerIsPurgedNothingIsLeft) {
  migrate_all({sample_schema()});
  Interner interner{*database_, runtime_, {}};
  const auto room = run_blocking(runtime_, "test", interner.intern_room("!a:s"));
  const auto user = run_blocking(runtime_, "test", interner.intern_user("@u:s"));
  fill(room, user, "@u:s", "one", 30);
  for (const auto& [table, count] : counts()) {
    EXPECT_GT(count, 0) << table;
  }
  purge({.kind = OwnerKind::Room, .id = "!a:s", .device_id = ""});
  purge({.kind = OwnerKind::User, .id = "@u:s", .device_id = ""});
  purge({.kind = OwnerKind::Server, .id = "one", .device_id = ""});
  purge({.kind = OwnerKind::Destination, .id = "one", .device_id = ""});
  for (const auto& [table, count] : counts()) {
    EXPECT_EQ(count, 0) << table;
  }
  EXPECT_EQ(read([](ReadTransaction& tx) { return rows(tx, "purges"); }), 0);
}

TEST_P(Schemas, AnInterruptedPurgeIsFoundAndGoesOn) {
  migrate_all({sample_schema()});
  static constexpr Statement kBegun{
      "INSERT INTO purges (kind, id, device_id, begun_ts) VALUES ($1, $2, $3, 1)"};
  write([](WriteTransaction& tx) { tx.exec(kBegun, OwnerKind::Server, Bytes{"one"}, Bytes{}); });
  const auto open = run_blocking(runtime_, "test", unfinished_purges(*database_));
  ASSERT_EQ(open.size(), 1U);
  EXPECT_EQ(open[0].id, "one");
  fill(1, 1, "@u:s", "one", 3);
  purge(open[0]);
  EXPECT_EQ(counts().at("s_keys"), 0);
  EXPECT_TRUE(run_blocking(runtime_, "test", unfinished_purges(*database_)).empty());
}

TEST_P(Schemas, APurgeThatBreaksOffInTheMiddleGoesOnFromThere) {
  migrate_all({sample_schema()});
  Interner interner{*database_, runtime_, {}};
  const auto room = run_blocking(runtime_, "test", interner.intern_room("!a:s"));
  const auto user = run_blocking(runtime_, "test", interner.intern_user("@u:s"));
  fill(room, user, "@u:s", "one", 700);
  const OwnerId owner{.kind = OwnerKind::Room, .id = "!a:s", .device_id = ""};
  std::vector<Schema> broken{storage_schema(), sample_schema()};
  broken[1].tables.insert(broken[1].tables.begin() + 1, {.name = "s_nowhere",
                                                         .key = {"a"},
                                                         .owners = {{.kind = OwnerKind::Room, .column = "a"}},
                                                         .bound = "none",
                                                         .ends = "never"});
  ASSERT_EQ(broken[1].tables[0].name, "s_events");
  EXPECT_THROW(run_blocking(runtime_, "test", purge_owner(*database_, broken, owner, 5)), StatementError);
  EXPECT_EQ(counts().at("s_events"), 0);
  EXPECT_EQ(counts().at("s_receipts"), 1);
  const auto open = run_blocking(runtime_, "test", unfinished_purges(*database_));
  ASSERT_EQ(open.size(), 1U);
  EXPECT_EQ(open[0].id, "!a:s");
  purge(open[0]);
  EXPECT_EQ(counts().at("s_receipts"), 0);
  EXPECT_TRUE(run_blocking(runtime_, "test", unfinished_purges(*database_)).empty());
}

TEST_P(Schemas, WhatTimeHasEndedIsPrunedAndBoundsAreChecked) {
  migrate_all({sample_schema()});
  fill(0, -1, "@u:s", "one", 700);
  const std::vector<Schema> schemas{sample_schema()};
  EXPECT_EQ(run_blocking(runtime_, "test", prune_tables(*database_, schemas, 649)), 650U);
  EXPECT_EQ(counts().at("s_inbox"), 50);
  EXPECT_EQ(run_blocking(runtime_, "test", check_bounds(*database_, schemas)),
            (std::vector<std::string>{"s_receipts: 1"}));
}

TEST_P(Schemas, BackgroundUpdatesGoOnWhereTheyWere) {
  migrate_all({sample_schema()});
  BackgroundUpdateOptions options;
  options.default_batch = 100;
  options.step_duration = std::chrono::milliseconds{0};
  options.minimum_batch = 60;
  {
    BackgroundUpdates updates{*database_, runtime_, {sample_schema()}, options};
    EXPECT_TRUE(run_blocking(runtime_, "test", updates.step()));
    const auto status = run_blocking(runtime_, "test", updates.status());
    ASSERT_EQ(status.size(), 1U);
    EXPECT_EQ(status[0].name, "sample_fill");
    EXPECT_EQ(status[0].total_items, 100);
    EXPECT_EQ(updates.pending(), 1U);
    EXPECT_EQ(updates.items(), 100U);
    updates.set_enabled(false);
    EXPECT_FALSE(run_blocking(runtime_, "test", updates.step()));
    updates.set_enabled(true);
    while (run_blocking(runtime_, "test", updates.step())) {
    }
    EXPECT_EQ(updates.pending(), 0U);
    EXPECT_EQ(updates.items(), 250U);
  }
  EXPECT_EQ(counts().at("s_names"), 250);
  BackgroundUpdates updates{*database_, runtime_, {sample_schema()}, options};
  EXPECT_TRUE(run_blocking(runtime_, "test", updates.status()).empty());
  EXPECT_FALSE(run_blocking(runtime_, "test", updates.step()));
}

TEST_P(Schemas, OneProcessAtATimeRunsBackgroundUpdates) {
  migrate_all({sample_schema()});
  BackgroundUpdates first{*database_, runtime_, {sample_schema()}, {}};
  BackgroundUpdates second{*database_, runtime_, {sample_schema()}, {}};
  EXPECT_TRUE(run_blocking(runtime_, "test", first.step()));
  EXPECT_FALSE(run_blocking(runtime_, "test", second.step()));
}

}  // namespace
}  // namespace lares::storage::test
