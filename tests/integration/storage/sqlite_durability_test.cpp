// SPDX-License-Identifier: Apache-2.0
#include "forgetful_vfs.hpp"
#include "postgres_server.hpp"
#include "sqlite/options.hpp"

#include <lares/async/real_runtime.hpp>
#include <lares/async/when_all.hpp>
#include <lares/base/error.hpp>
#include <lares/storage/database.hpp>
#include <lares/storage/errors.hpp>

#include <gtest/gtest.h>

#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace lares::storage::test {
namespace {

constexpr Statement kCreateOne{"CREATE TABLE one (number {id}, body {bytes} NOT NULL)"};
constexpr Statement kCreateTwo{"CREATE TABLE two (number {id})"};
constexpr Statement kInsertOne{"INSERT INTO one (number, body) VALUES ($1, $2)"};
constexpr Statement kInsertTwo{"INSERT INTO two (number) VALUES ($1)"};
constexpr Statement kOnes{"SELECT number FROM one"};
constexpr Statement kTwos{"SELECT number FROM two"};
constexpr Statement kIntegrity{"PRAGMA integrity_check"};

constexpr int kWriters = 6;
constexpr int kWrites = 12;

std::atomic<int> commit_failures{0};

struct Load {
  Database& database;
  std::set<std::int64_t> acknowledged;
};

Task<void> write_until_it_fails(Load& load, int writer) {
  for (int i = 0; i < kWrites; ++i) {
    const std::int64_t number = writer * 1000 + i;
    // Some larger than a page, so that a transaction is many writes.
    const std::string body(static_cast<std::size_t>(i % 4 == 0 ? 9000 : 200), 'x');
    try {
      co_await load.database.write("test_write", [&](WriteTransaction& tx) {
        tx.exec(kInsertOne, number, Bytes{body});
        tx.exec(kInsertTwo, number);
      });
    } catch (const Error&) {
      co_return;
    }
    load.acknowledged.insert(number);
  }
}

Task<void> write_everything(Load& load) {
  std::vector<Task<void>> writers;
  for (int i = 0; i < kWriters; ++i) {
    writers.push_back(write_until_it_fails(load, i));
  }
  co_await when_all(std::move(writers));
}

Task<void> create_tables(Database& database) {
  co_await database.write("test_create", [](WriteTransaction& tx) {
    tx.exec(kCreateOne);
    tx.exec(kCreateTwo);
  });
}

std::set<std::int64_t> numbers(ReadTransaction& tx, const Statement& statement) {
  std::set<std::int64_t> result;
  tx.each(statement, [&](const Row& row) { result.insert(row.i64(0)); });
  return result;
}

class SqliteDurability : public testing::Test {
 protected:
  SqliteDurability() {
    options_.path = folder_.path() / "test.db";
    options_.readers = 1;
    // So small that a load of a hundred transactions goes through several checkpoints.
    options_.checkpoint_pages = 25;
    options_.reset_pages = 60;
    options_.on_commit_failure = [](const std::string&) noexcept { commit_failures.fetch_add(1); };
  }

  // The files of a database with its tables, made once and copied.
  void start_anew() {
    const std::string made = folder_.path() / "made.db";
    if (!std::filesystem::exists(made)) {
      sqlite::SqliteOptions options = options_;
      options.path = made;
      options.vfs = disk_.name();
      const auto database = sqlite::open_sqlite(options, runtime_);
      run_blocking(runtime_, "test", create_tables(*database));
    }
    for (const char* suffix : {"", "-wal"}) {
      std::filesystem::remove(options_.path + suffix);
      std::filesystem::copy_file(made + suffix, options_.path + suffix);
    }
    std::filesystem::remove(options_.path + "-shm");
    options_.vfs = disk_.name();
  }

  ForgetfulVfs disk_;  // never cut: spares the tests the real disk's fsync
  RealRuntime runtime_{{.threads = 1}};
  TemporaryFolder folder_;
  sqlite::SqliteOptions options_;
};

TEST_F(SqliteDurability, WhatWasAcknowledgedSurvivesTheLossOfPowerAtAnyOperation) {
  constexpr int kCuts = 1000;
  const std::uint64_t seed = 20240601;
  std::mt19937_64 chance{seed};
  std::uint64_t operations = 0;
  {
    start_anew();
    ForgetfulVfs vfs;
    options_.vfs = vfs.name();
    const auto database = sqlite::open_sqlite(options_, runtime_);
    vfs.cut_at(0);
    Load load{.database = *database, .acknowledged = {}};
    run_blocking(runtime_, "test", write_everything(load));
    ASSERT_EQ(load.acknowledged.size(), static_cast<std::size_t>(kWriters * kWrites));
    operations = vfs.operations();
    ASSERT_GT(operations, 100U);
  }
  std::size_t acknowledged = 0;
  int cut = 0;
  // A load that shares its commits otherwise may come to its end before the cut: that round shows nothing.
  for (int round = 0; cut < kCuts; ++round) {
    ASSERT_LT(round, 3 * kCuts);
    start_anew();
    ForgetfulVfs vfs;
    options_.vfs = vfs.name();
    std::set<std::int64_t> promised;
    const std::uint64_t at = 1 + chance() % operations;
    {
      const auto database = sqlite::open_sqlite(options_, runtime_);
      vfs.cut_at(at);
      Load load{.database = *database, .acknowledged = {}};
      run_blocking(runtime_, "test", write_everything(load));
      promised = std::move(load.acknowledged);
      cut += vfs.is_cut() ? 1 : 0;
      vfs.cut_at(1);  // closing adds nothing
    }
    vfs.restore(chance);
    std::filesystem::remove(options_.path + "-shm");
    options_.vfs = disk_.name();
    const auto database = sqlite::open_sqlite(options_, runtime_);
    const auto [ones, twos, integrity] =
        run_blocking(runtime_, "test", database->read("test_read", [](ReadTransaction& tx) {
          return std::tuple{numbers(tx, kOnes), numbers(tx, kTwos),
                            tx.one(kIntegrity, [](const Row& row) { return row.text_copy(0); })};
        }));
    ASSERT_EQ(integrity, "ok") << "cut at " << at << " in round " << round;
    ASSERT_EQ(ones, twos) << "half a transaction; cut at " << at << " in round " << round;
    for (const std::int64_t number : promised) {
      ASSERT_TRUE(ones.contains(number))
          << number << " was acknowledged; cut at " << at << " in round " << round;
    }
    acknowledged += promised.size();
  }
  EXPECT_GT(acknowledged, static_cast<std::size_t>(kCuts));
}

TEST_F(SqliteDurability, AnErrorOfTheDiskAtCommitEndsTheProcess) {
  start_anew();
  ForgetfulVfs vfs;
  options_.vfs = vfs.name();
  const int before = commit_failures.load();
  {
    const auto database = sqlite::open_sqlite(options_, runtime_);
    vfs.cut_at(1);
    Load load{.database = *database, .acknowledged = {}};
    run_blocking(runtime_, "test", write_until_it_fails(load, 1));
    EXPECT_TRUE(load.acknowledged.empty());
  }
  EXPECT_GT(commit_failures.load(), before);
}

// The process that ends is this program, started again for this test alone; the folder is the first one's.
TEST(SqliteDurabilityDeathTest, TheProcessEndsWithTheCodeForAnErrorOfTheDisk) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  static constexpr const char* kFolder = "LARES_TEST_FOLDER";
  std::optional<TemporaryFolder> folder;
  if (::getenv(kFolder) == nullptr) {
    folder.emplace();
    ::setenv(kFolder, folder->path().c_str(), 1);
  }
  const auto write_to_a_broken_disk = [] {
    ForgetfulVfs vfs;
    RealRuntime runtime{{.threads = 1}};
    sqlite::SqliteOptions options;
    options.path = std::string{::getenv(kFolder)} + "/test.db";
    options.vfs = vfs.name();
    const auto database = sqlite::open_sqlite(options, runtime);
    run_blocking(runtime, "test", create_tables(*database));
    vfs.cut_at(1);
    Load load{.database = *database, .acknowledged = {}};
    run_blocking(runtime, "test", write_until_it_fails(load, 1));
  };
  EXPECT_EXIT(write_to_a_broken_disk(), testing::ExitedWithCode(74), "");
  ::unsetenv(kFolder);
}

TEST_F(SqliteDurability, TheLogsFileIsKeptAheadOfWhatIsInIt) {
  const auto database = sqlite::open_sqlite(options_, runtime_);
  run_blocking(runtime_, "test", create_tables(*database));
  run_blocking(runtime_, "test",
               database->write("test_write", [](WriteTransaction& tx) { tx.exec(kInsertTwo, 1); }));
  // The file grows after the answer.
  const std::string log = options_.path + "-wal";
  for (int i = 0; i < 1000 && std::filesystem::file_size(log) < (1U << 20U); ++i) {
    run_blocking(runtime_, "test", database->write("test_write", [](WriteTransaction&) {}));
  }
  EXPECT_GE(std::filesystem::file_size(log), 1U << 20U);
}

TEST_F(SqliteDurability, ATransactionLargerThanTheCacheReadsWhatItWrote) {
  constexpr int kRows = 3000;
  options_.writer_cache_kib = 64;
  options_.checkpoint_pages = 1000;
  options_.reset_pages = 4000;
  const auto database = sqlite::open_sqlite(options_, runtime_);
  run_blocking(runtime_, "test", create_tables(*database));
  const std::string body(3000, 'x');
  for (int round = 0; round < 2; ++round) {
    const std::size_t seen =
        run_blocking(runtime_, "test", database->write("test_write", [&](WriteTransaction& tx) {
          for (int i = 0; i < kRows; ++i) {
            // Up and down, so that pages that went to the log already are changed once more.
            tx.exec(kInsertOne, round * kRows + (i % 2 == 0 ? i : kRows - i), Bytes{body});
          }
          return numbers(tx, kOnes).size();
        }));
    EXPECT_EQ(seen, static_cast<std::size_t>((round + 1) * kRows));
    const auto [ones, integrity] =
        run_blocking(runtime_, "test", database->read("test_read", [](ReadTransaction& tx) {
          return std::pair{numbers(tx, kOnes),
                           tx.one(kIntegrity, [](const Row& row) { return row.text_copy(0); })};
        }));
    EXPECT_EQ(ones.size(), seen);
    EXPECT_EQ(integrity, "ok");
  }
}

TEST_F(SqliteDurability, ASecondProcessIsRefusedWithASentence) {
  const auto database = sqlite::open_sqlite(options_, runtime_);
  try {
    (void)sqlite::open_sqlite(options_, runtime_);
    FAIL();
  } catch (const StartError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("in use by another process (process " + std::to_string(::getpid()) + ")"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("need PostgreSQL"), std::string::npos) << text;
  }
}

TEST_F(SqliteDurability, AFileThatIsNoDatabaseIsRefusedWithASentence) {
  {
    std::ofstream out{options_.path};
    out << std::string(5000, 'x');
  }
  EXPECT_THROW((void)sqlite::open_sqlite(options_, runtime_), StartError);
  options_.path = "/nowhere/at/all.db";
  EXPECT_THROW((void)sqlite::open_sqlite(options_, runtime_), StartError);
  options_.path = ":memory:";
  EXPECT_THROW((void)sqlite::open_sqlite(options_, runtime_), StartError);
}

TEST_F(SqliteDurability, AReadThatKeepsItsSnapshotTooLongIsEnded) {
  const auto database = sqlite::open_sqlite(options_, runtime_);
  static constexpr Statement kEndless{
      "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT COUNT(*) FROM c"};
  EXPECT_THROW(run_blocking(runtime_, "test",
                            database->read("test_endless",
                                           [](ReadTransaction& tx) {
                                             return tx.one(kEndless,
                                                           [](const Row& row) { return row.i64(0); });
                                           })),
               SnapshotTooOld);
  // The connection is good for the next.
  run_blocking(runtime_, "test", database->read("test_read", [](ReadTransaction& tx) {
    return tx.one(kIntegrity, [](const Row& row) { return row.text_copy(0); });
  }));
}

TEST_F(SqliteDurability, AFullQueueRefusesAtOnce) {
  options_.max_queued_writes = 4;
  const auto database = sqlite::open_sqlite(options_, runtime_);
  const auto one = [](Database& db, int& refused) -> Task<void> {
    try {
      co_await db.write("test_write", [](WriteTransaction&) {});
    } catch (const Overloaded&) {
      ++refused;
    }
  };
  int refused = 0;
  std::vector<Task<void>> tasks;
  for (int i = 0; i < 2000; ++i) {
    tasks.push_back(one(*database, refused));
  }
  run_blocking(runtime_, "test", when_all(std::move(tasks)));
  EXPECT_GT(refused, 0);
  EXPECT_EQ(database->statistics().overloaded.load(), static_cast<std::uint64_t>(refused));
  EXPECT_EQ(database->statistics().writes_queued.load(), 0U);
}

TEST_F(SqliteDurability, ASimulationRunsWithoutThreadsAndMayCrashAtAStatement) {
  start_anew();
  options_.without_threads = true;
  options_.take_lock = false;
  std::set<std::thread::id> threads;
  int left = 0;
  options_.before_statement = [&](std::string_view) {
    threads.insert(std::this_thread::get_id());
    if (left > 0 && --left == 0) {
      throw Unavailable{"crashed by the simulation"};
    }
  };
  const auto first = sqlite::open_sqlite(options_, runtime_);
  const auto second = sqlite::open_sqlite(options_, runtime_);
  left = 2;
  Load failing{.database = *first, .acknowledged = {}};
  run_blocking(runtime_, "test", write_until_it_fails(failing, 1));
  EXPECT_TRUE(failing.acknowledged.empty());
  Load load{.database = *second, .acknowledged = {}};
  run_blocking(runtime_, "test", write_until_it_fails(load, 1));
  EXPECT_EQ(load.acknowledged.size(), static_cast<std::size_t>(kWrites));
  const auto seen = run_blocking(
      runtime_, "test", first->read("test_read", [](ReadTransaction& tx) { return numbers(tx, kOnes); }));
  EXPECT_EQ(seen, load.acknowledged);
  EXPECT_EQ(threads.size(), 1U);
}

}  // namespace
}  // namespace lares::storage::test
