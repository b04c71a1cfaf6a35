// SPDX-License-Identifier: Apache-2.0
#include "cutting_proxy.hpp"
#include "postgres/options.hpp"
#include "storage_test.hpp"

#include <lares/async/when_all.hpp>
#include <lares/base/error.hpp>
#include <lares/storage/errors.hpp>

#include <fmt/format.h>

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace lares::storage::test {
namespace {

// Nothing is unique, so that what is written twice shows.
constexpr Statement kCreate{"CREATE TABLE notes (batch BIGINT NOT NULL, part BIGINT NOT NULL)"};
constexpr Statement kIndex{"CREATE INDEX notes_batch ON notes (batch)"};
constexpr Statement kInsert{"INSERT INTO notes (batch, part) VALUES ($1, $2)"};
constexpr InsertMany kInsertMany{"notes", {{{"batch"}, {"part"}}}};
constexpr Statement kParts{"SELECT COUNT(*) FROM notes WHERE batch = $1"};
constexpr Statement kWrong{"SELECT batch, COUNT(*) FROM notes GROUP BY batch HAVING COUNT(*) <> 4"};
constexpr Statement kBatches{"SELECT DISTINCT batch FROM notes"};

std::int64_t parts(ReadTransaction& tx, std::int64_t batch) {
  return tx.one(kParts, batch, [](const Row& row) { return row.i64(0); });
}

// Four rows in three statements.
std::int64_t write_batch(WriteTransaction& tx, std::int64_t batch) {
  tx.exec(kInsert, batch, 1);
  const std::vector<std::int64_t> two{2, 3};
  tx.insert_many(kInsertMany, two, [&](std::int64_t part) { return std::tuple{batch, part}; });
  tx.exec(kInsert, batch, 4);
  return batch;
}

std::optional<std::int64_t> find_batch(WriteTransaction& tx, std::int64_t batch) {
  return parts(tx, batch) == 0 ? std::nullopt : std::optional{batch};
}

Task<std::int64_t> certain(Database& database, std::int64_t batch) {
  co_return co_await database.write_certain(
      "test_certain", [batch](WriteTransaction& tx) { return write_batch(tx, batch); },
      [batch](WriteTransaction& tx) { return find_batch(tx, batch); });
}

class PostgresDurability : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresServer::available()) {
      GTEST_SKIP() << "PostgreSQL is not installed";
    }
  }

  std::unique_ptr<Database> open(std::vector<std::pair<std::string, std::string>> parameters,
                                 std::size_t connections) {
    postgres::PostgresOptions options;
    options.parameters = std::move(parameters);
    options.max_connections = connections;
    auto database = postgres::open_postgres(options, runtime_);
    run_blocking(runtime_, "test", database->write("test_create", [](WriteTransaction& tx) {
      tx.exec(kCreate);
      tx.exec(kIndex);
    }));
    return database;
  }

  // In a transaction that is waited for to its end: that of a read may come after the proxy is told where to
  // cut next, and be counted.
  std::int64_t count_parts(Database& database, std::int64_t batch) {
    return run_blocking(runtime_, "test", database.write("test_count", [batch](WriteTransaction& tx) {
      return parts(tx, batch);
    }));
  }

  RealRuntime runtime_{{.threads = 1}};
};

TEST_F(PostgresDurability, ACutAtAnyMomentOfATransactionLeavesItWholeAndOnce) {
  shared_postgres().create_database("cut_certain");
  CuttingProxy proxy{shared_postgres().socket_path()};
  const auto database = open({{"host", "127.0.0.1"},
                              {"port", std::to_string(proxy.port())},
                              {"user", "lares"},
                              {"dbname", "cut_certain"},
                              {"sslmode", "disable"},
                              {"gssencmode", "disable"}},
                             1);
  std::int64_t batch = 1;
  for (const CuttingProxy::Cut where : {CuttingProxy::Cut::Before, CuttingProxy::Cut::After}) {
    run_blocking(runtime_, "test", certain(*database, batch++));
    int cuts = 0;
    for (int n = 1;; ++n) {
      proxy.cut_at(n, where);
      EXPECT_EQ(run_blocking(runtime_, "test", certain(*database, batch)), batch);
      const bool cut = proxy.has_cut();
      proxy.cut_at(0, where);
      EXPECT_EQ(count_parts(*database, batch), 4) << "cut at " << n;
      ++batch;
      if (!cut) {
        break;
      }
      ++cuts;
    }
    // BEGIN with the first statement, two more statements, COMMIT.
    EXPECT_GE(cuts, 4);
  }
}

TEST_F(PostgresDurability, WithoutAWayToFindOutACutAtCommitIsSaidToBeUnknown) {
  shared_postgres().create_database("cut_plain");
  CuttingProxy proxy{shared_postgres().socket_path()};
  const auto database = open({{"host", "127.0.0.1"},
                              {"port", std::to_string(proxy.port())},
                              {"user", "lares"},
                              {"dbname", "cut_plain"},
                              {"sslmode", "disable"},
                              {"gssencmode", "disable"}},
                             1);
  int unknown = 0;
  std::int64_t batch = 1;
  run_blocking(runtime_, "test",
               database->write("test_write", [](WriteTransaction& tx) { return write_batch(tx, 0); }));
  for (int n = 1;; ++n, ++batch) {
    proxy.cut_at(n, CuttingProxy::Cut::Before);
    bool said = false;
    try {
      run_blocking(runtime_, "test", database->write("test_write", [&](WriteTransaction& tx) {
        return write_batch(tx, batch);
      }));
    } catch (const CommitUnknown&) {
      said = true;
      ++unknown;
    }
    const bool cut = proxy.has_cut();
    proxy.cut_at(0, CuttingProxy::Cut::Before);
    EXPECT_EQ(count_parts(*database, batch), said ? 0 : 4);
    if (!cut) {
      break;
    }
  }
  EXPECT_EQ(unknown, 1);
}

struct Load {
  Database& database;
  std::atomic<std::int64_t> next{1};
  std::atomic<std::int64_t> acknowledged{0};
  std::atomic<bool> stop{false};
  std::set<std::int64_t> promised;
};

Task<void> write_until_stopped(Load& load) {
  while (!load.stop.load()) {
    const std::int64_t batch = load.next.fetch_add(1);
    for (bool written = false; !written;) {
      try {
        co_await certain(load.database, batch);
        written = true;
      } catch (const Unavailable&) {
        // Nothing was written: again.
      }
    }
    load.promised.insert(batch);
    load.acknowledged.fetch_add(1);
    load.acknowledged.notify_all();
  }
}

Task<void> run_load(Load& load, int writers) {
  std::vector<Task<void>> tasks;
  for (int i = 0; i < writers; ++i) {
    tasks.push_back(write_until_stopped(load));
  }
  co_await when_all(std::move(tasks));
}

TEST_F(PostgresDurability, WhatWasAcknowledgedSurvivesTheDeathOfAllServerProcesses) {
  PostgresServer server;
  server.create_database("killed");
  const auto database = open({{"host", server.socket_folder()}, {"user", "lares"}, {"dbname", "killed"}}, 6);
  Load load{.database = *database, .promised = {}};
  std::thread killer{[&] {
    for (int kill = 1; kill <= 5; ++kill) {
      const std::int64_t target = load.acknowledged.load() + 25 * kill;
      for (std::int64_t seen = load.acknowledged.load(); seen < target; seen = load.acknowledged.load()) {
        load.acknowledged.wait(seen);
      }
      server.kill();
      server.start();
    }
    const std::int64_t target = load.acknowledged.load() + 50;
    for (std::int64_t seen = load.acknowledged.load(); seen < target; seen = load.acknowledged.load()) {
      load.acknowledged.wait(seen);
    }
    load.stop.store(true);
  }};
  run_blocking(runtime_, "test", run_load(load, 8));
  killer.join();
  const auto [wrong, batches] =
      run_blocking(runtime_, "test", database->read("test_read", [](ReadTransaction& tx) {
        std::vector<std::int64_t> not_four;
        tx.each(kWrong, [&](const Row& row) { not_four.push_back(row.i64(0)); });
        std::set<std::int64_t> all;
        tx.each(kBatches, [&](const Row& row) { all.insert(row.i64(0)); });
        return std::pair{not_four, all};
      }));
  EXPECT_TRUE(wrong.empty()) << wrong.size() << " batches are not there once, such as " << wrong.front();
  EXPECT_EQ(batches, load.promised);
  EXPECT_GT(database->statistics().retried.load(), 0U);
}

TEST_F(PostgresDurability, AnEndlessQueryIsEndedAndTheConnectionGoesOn) {
  shared_postgres().create_database("endless");
  const auto database =
      open({{"host", shared_postgres().socket_folder()}, {"user", "lares"}, {"dbname", "endless"}}, 1);
  static constexpr Statement kSleep{"SELECT CAST(COUNT(*) AS BIGINT) FROM pg_sleep(60)"};
  EXPECT_THROW(run_blocking(runtime_, "test",
                            database->read("test_sleep",
                                           [](ReadTransaction& tx) {
                                             return tx.one(kSleep, [](const Row& row) { return row.i64(0); });
                                           })),
               SnapshotTooOld);
  EXPECT_EQ(run_blocking(runtime_, "test",
                         database->read("test_read", [](ReadTransaction& tx) { return parts(tx, 1); })),
            0);
}

TEST_F(PostgresDurability, ADatabaseThatIsNotFitIsRefusedWithASentence) {
  const auto sentence = [&](std::vector<std::pair<std::string, std::string>> parameters) -> std::string {
    postgres::PostgresOptions options;
    options.parameters = std::move(parameters);
    try {
      (void)postgres::open_postgres(options, runtime_);
    } catch (const StartError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(sentence({{"host", "/nowhere"}, {"user", "lares"}, {"dbname", "x"}}).find("Check database.args"),
            std::string::npos);
  EXPECT_NE(
      sentence(
          {{"host", shared_postgres().socket_folder()}, {"user", "lares"}, {"dbname", "it's \\not there"}})
          .find("it's \\not there"),
      std::string::npos);
  run_blocking(runtime_, "test", [](Runtime& runtime, std::string folder) -> Task<void> {
    postgres::PostgresOptions options;
    options.parameters = {{"host", std::move(folder)}, {"user", "lares"}, {"dbname", "postgres"}};
    const auto database = postgres::open_postgres(options, runtime);
    (void)database;
    co_return;
  }(runtime_, shared_postgres().socket_folder()));
}

}  // namespace
}  // namespace lares::storage::test
