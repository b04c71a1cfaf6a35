// SPDX-License-Identifier: Apache-2.0
#include <host/data_care_impl.hpp>

#include <lares_test/test_server.hpp>
#include <sqlite/options.hpp>
#include <virtual_runtime.hpp>

#include <lares/storage/transaction.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <stdlib.h>

namespace lares::host {
namespace {

using namespace std::chrono_literals;
using storage::Bytes;
using storage::OwnerKind;
using storage::Statement;

storage::Schema sample_schema() {
  storage::Schema schema;
  schema.plugin = "sample";
  schema.migrations = {
      {.number = 1,
       .kind = storage::MigrationKind::Expand,
       .summary = "Adds notes.",
       .statements = {"CREATE TABLE notes (number {id}, room BIGINT NOT NULL, ends_ts BIGINT NOT NULL)"},
       .starts = {"write_a_note"}}};
  schema.tables = {
      {.name = "notes",
       .key = {"number"},
       .owners = {{.kind = OwnerKind::Room, .column = "room"}},
       .bound = "3",
       .ends = "ends_ts",
       .prune = Statement{"DELETE FROM notes WHERE number IN (SELECT number FROM notes WHERE ends_ts < $1 "
                          "ORDER BY number LIMIT $2)"},
       .excess = Statement{"SELECT CASE WHEN COUNT(*) > 3 THEN COUNT(*) - 3 ELSE 0 END FROM notes"}}};
  schema.updates = {{.name = "write_a_note",
                     .step = [](storage::WriteTransaction& tx, const std::string&,
                                std::int64_t) -> storage::BackgroundStep {
                       static constexpr Statement kInsert{
                           "INSERT INTO notes (number, room, ends_ts) VALUES (1, 7, 9000000000000000)"};
                       tx.exec(kInsert);
                       return {.progress = "", .items = 1, .done = true};
                     }}};
  return schema;
}

class DataCareTest : public ::testing::Test {
 protected:
  DataCareTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "lares-care-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    storage::sqlite::SqliteOptions options;
    options.path = folder_ + "/care.db";
    options.without_threads = true;
    options.take_lock = false;
    database_ = storage::sqlite::open_sqlite(options, runtime_);
  }
  ~DataCareTest() override {
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  void play(Task<void> task) {
    TaskGroup group{runtime_, "test"};
    spawn(group, Background{"test"}, std::move(task), &runtime_.loop(0));
    runtime_.run_until([&group] { return group.size() == 0; });
  }
  void write(const Statement& statement, auto... arguments) {
    play([](storage::Database& database, const Statement& sql, auto... values) -> Task<void> {
      co_await database.write("test", [&](storage::WriteTransaction& tx) { tx.exec(sql, values...); });
    }(*database_, statement, arguments...));
  }
  std::vector<std::int64_t> notes() {
    std::vector<std::int64_t> result;
    play([](storage::Database& database, std::vector<std::int64_t>& out) -> Task<void> {
      static constexpr Statement kAll{"SELECT number FROM notes ORDER BY number"};
      co_await database.read("test", [&](storage::ReadTransaction& tx) {
        tx.each(kAll, [&](const storage::Row& row) { out.push_back(row.i64(0)); });
      });
    }(*database_, result));
    return result;
  }
  /// A process of the server, from its start until some time later.
  void live(const std::string& instance, std::chrono::milliseconds time) {
    auto config = std::make_shared<testing::MapConfig>();
    config->set("run_background_tasks_on", "housekeeper");
    testing::TestServer server{runtime_, instance, config};
    const std::vector<storage::Schema> schemas{sample_schema()};
    DataCareImpl care{server, schemas};
    play(care.migrate(*database_));
    EXPECT_EQ(care.works_here(), instance == "housekeeper");
    care.start();
    play(runtime_.sleep_for(time));
    exposed_ = server.metrics().expose();
    play(care.stop());
  }

  sim::VirtualRuntime runtime_{1, 1};
  std::string folder_;
  std::unique_ptr<storage::Database> database_;
  std::string exposed_;
};

constexpr Statement kNote{"INSERT INTO notes (number, room, ends_ts) VALUES ($1, 7, $2)"};

TEST_F(DataCareTest, WhatTimeHasEndedGoesWithoutAnybodysAsking) {
  live("housekeeper", 1ms);
  write(kNote, 2, runtime_.now_ms() + 60'000);
  write(kNote, 3, std::int64_t{9'000'000'000'000'000});
  EXPECT_EQ(notes(), (std::vector<std::int64_t>{1, 2, 3}));
  live("housekeeper", 16min);
  EXPECT_EQ(notes(), (std::vector<std::int64_t>{1, 3}));
}

TEST_F(DataCareTest, BackgroundUpdatesRunAndAreSeenInTheMetrics) {
  live("another", 5min);
  EXPECT_TRUE(notes().empty());
  EXPECT_NE(exposed_.find("synapse_background_update_status{server_name=\"example.org\"} 1"),
            std::string::npos);
  live("housekeeper", 5s);
  EXPECT_EQ(notes(), (std::vector<std::int64_t>{1}));
  EXPECT_NE(exposed_.find("synapse_background_update_status{server_name=\"example.org\"} 3"),
            std::string::npos);
  EXPECT_NE(exposed_.find("lares_background_updates_pending{server_name=\"example.org\"} 0"),
            std::string::npos);
  EXPECT_NE(exposed_.find("lares_background_update_items_total{server_name=\"example.org\"} 1"),
            std::string::npos);
}

TEST_F(DataCareTest, APurgeThatWasInterruptedGoesOnAfterAStart) {
  live("housekeeper", 5s);
  static constexpr Statement kRoom{"INSERT INTO rooms (number, room_id) VALUES (7, $1)"};
  static constexpr Statement kBegun{
      "INSERT INTO purges (kind, id, device_id, begun_ts) VALUES ($1, $2, $3, 1)"};
  write(kRoom, Bytes{"!seven:s"});
  write(kBegun, OwnerKind::Room, Bytes{"!seven:s"}, Bytes{""});
  live("another", 5s);
  EXPECT_EQ(notes().size(), 1U);
  live("housekeeper", 5s);
  EXPECT_TRUE(notes().empty());
}

TEST_F(DataCareTest, APurgeThatWasInterruptedIsTriedAgainUntilItSucceeds) {
  live("housekeeper", 5s);
  static constexpr Statement kRoom{"INSERT INTO rooms (number, room_id) VALUES (7, $1)"};
  static constexpr Statement kBegun{
      "INSERT INTO purges (kind, id, device_id, begun_ts) VALUES ($1, $2, $3, 1)"};
  static constexpr Statement kHideList{"ALTER TABLE purges RENAME TO hidden_purges"};
  static constexpr Statement kShowList{"ALTER TABLE hidden_purges RENAME TO purges"};
  static constexpr Statement kHideNotes{"ALTER TABLE notes RENAME TO hidden_notes"};
  static constexpr Statement kShowNotes{"ALTER TABLE hidden_notes RENAME TO notes"};
  write(kRoom, Bytes{"!seven:s"});
  write(kBegun, OwnerKind::Room, Bytes{"!seven:s"}, Bytes{""});
  auto config = std::make_shared<testing::MapConfig>();
  config->set("run_background_tasks_on", "master");
  testing::TestServer server{runtime_, "master", config};
  const std::vector<storage::Schema> schemas{sample_schema()};
  DataCareImpl care{server, schemas};
  play(care.migrate(*database_));
  // As if the database were away, first for what asks which there are, then for the purge itself.
  write(kHideList);
  care.start();
  play(runtime_.sleep_for(20s));
  write(kHideNotes);
  write(kShowList);
  play(runtime_.sleep_for(40s));
  write(kShowNotes);
  EXPECT_EQ(notes().size(), 1U);
  play(runtime_.sleep_for(10min));
  EXPECT_TRUE(notes().empty());
  play(care.stop());
}

}  // namespace
}  // namespace lares::host
