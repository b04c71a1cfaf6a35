// SPDX-License-Identifier: Apache-2.0
#include "storage_test.hpp"

#include <lares/async/log_context.hpp>
#include <lares/async/when_all.hpp>
#include <lares/base/log.hpp>
#include <lares/storage/errors.hpp>

#include <atomic>
#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

namespace lares::storage::test {
namespace {

using namespace std::string_literals;

class Transactions : public StorageTest {
 protected:
  Transactions() {
    create(
        "CREATE TABLE things (number {id}, name {bytes} UNIQUE, word TEXT, big BIGINT, part DOUBLE "
        "PRECISION, "
        "yes BOOLEAN)");
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, Transactions, testing::ValuesIn(engine_cases()), case_name);

constexpr Statement kInsert{
    "INSERT INTO things (number, name, word, big, part, yes) VALUES ($1, $2, $3, $4, $5, $6)"};
constexpr Statement kSelect{"SELECT name, word, big, part, yes FROM things WHERE number = $1"};
constexpr Statement kInsertName{"INSERT INTO things (number, name) VALUES ($1, $2)"};
constexpr Statement kNameOf{"SELECT name FROM things WHERE number = $1"};
constexpr Statement kNumberOf{"SELECT number FROM things WHERE name = $1"};
constexpr Statement kAllNumbers{"SELECT number FROM things ORDER BY number"};
constexpr Statement kCount{"SELECT COUNT(*) FROM things"};
constexpr Statement kRename{"UPDATE things SET name = $2 WHERE number = $1"};
constexpr Statement kDeleteAll{"DELETE FROM things"};
constexpr Statement kDeleteReturning{"DELETE FROM things WHERE number <= $1 RETURNING number, name"};

constexpr std::chrono::milliseconds kHeld{50};

std::int64_t count(ReadTransaction& tx) {
  return tx.one(kCount, [](const Row& row) { return row.i64(0); });
}

TEST_P(Transactions, TheLogHasStatementsAndTransactionsAtDebugWithoutTheirArguments) {
  class Lines : public log::Capture {
   public:
    void line(std::string_view text) override { all += std::string(text) + "\n"; }
    std::string all;
  };
  constexpr InsertMany kNames{
      "things", {{{"number"}, {"name", ColumnType::Bytes}}}, "ON CONFLICT DO NOTHING"};
  constexpr ChangeMany kForget{"things", {{{"number"}}}};
  Lines lines;
  log::set_level("lares.storage", log::Level::kDebug);
  log::set_capture(&lines);
  write([&](WriteTransaction& tx) {
    tx.exec(kInsertName, 7, Bytes{"whatnobodyreads"});
    const std::vector<std::int64_t> numbers{8};
    tx.insert_many(kNames, numbers,
                   [](std::int64_t n) { return std::tuple(n, Bytes{"whatnobodyreads too"}); });
    tx.change_many(kForget, numbers, [](std::int64_t n) { return n; });
  });
  log::set_level("lares.storage", std::nullopt);
  write([&](WriteTransaction& tx) { tx.exec(kDeleteAll); });
  log::set_capture(nullptr);
  EXPECT_NE(lines.all.find("lares.storage.SQL"), std::string::npos) << lines.all;
  EXPECT_NE(lines.all.find("INSERT INTO things (number, name) VALUES ($1, $2)\n"), std::string::npos)
      << lines.all;
  EXPECT_NE(lines.all.find("INSERT INTO things (number, name) VALUES (...) ON CONFLICT DO NOTHING\n"),
            std::string::npos)
      << lines.all;
  EXPECT_NE(lines.all.find("DELETE FROM things WHERE (number) IN (...)\n"), std::string::npos) << lines.all;
  EXPECT_NE(lines.all.find(" is done: waited "), std::string::npos) << lines.all;
  EXPECT_EQ(lines.all.find("whatnobodyreads"), std::string::npos) << lines.all;
  EXPECT_EQ(lines.all.find("DELETE FROM things\n"), std::string::npos) << "nothing when it is off";
}

TEST_P(Transactions, EveryTypeOfValueComesBackAsItWas) {
  const std::string text(300, 'x');
  const std::string bytes = "a\0b'\\\"\xff\xfe"s;
  write([&](WriteTransaction& tx) {
    tx.exec(kInsert, 1, Bytes{bytes}, text, std::numeric_limits<std::int64_t>::min(), -0.125, true);
    tx.exec(kInsert, 2, Bytes{""}, "", std::numeric_limits<std::int64_t>::max(), 1e300, false);
    tx.exec(kInsert, 3, std::optional<Bytes>{}, nullptr, std::nullopt, std::optional<double>{},
            std::optional<bool>{});
  });
  read([&](ReadTransaction& tx) {
    tx.one(kSelect, 1, [&](const Row& row) {
      EXPECT_EQ(row.bytes(0), bytes);
      EXPECT_EQ(row.text(1), text);
      EXPECT_EQ(row.i64(2), std::numeric_limits<std::int64_t>::min());
      EXPECT_EQ(row.real(3), -0.125);
      EXPECT_TRUE(row.boolean(4));
      EXPECT_EQ(row.columns(), 5);
    });
    tx.one(kSelect, 2, [](const Row& row) {
      EXPECT_FALSE(row.null(0));
      EXPECT_EQ(row.bytes(0), "");
      EXPECT_EQ(row.text(1), "");
      EXPECT_EQ(row.i64(2), std::numeric_limits<std::int64_t>::max());
      EXPECT_EQ(row.real(3), 1e300);
      EXPECT_FALSE(row.boolean(4));
    });
    tx.one(kSelect, 3, [](const Row& row) {
      for (int column = 0; column < 5; ++column) {
        EXPECT_TRUE(row.null(column));
      }
      EXPECT_EQ(row.maybe_i64(2), std::nullopt);
      EXPECT_EQ(row.maybe_bytes(0), std::nullopt);
    });
  });
}

TEST_P(Transactions, BytesAreFoundByEveryByteOfThem) {
  const std::vector<std::string> names{"a"s,         "a\0"s, "a\0b"s, "A"s,    "\xc3\xa4"s,
                                       "a\xcc\x88"s, " a"s,  "%"s,    "\\x61"s};
  write([&](WriteTransaction& tx) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      tx.exec(kInsertName, static_cast<std::int64_t>(i), Bytes{names[i]});
    }
  });
  read([&](ReadTransaction& tx) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      EXPECT_EQ(tx.one(kNumberOf, Bytes{names[i]}, [](const Row& row) { return row.i64(0); }),
                static_cast<std::int64_t>(i));
    }
  });
}

TEST_P(Transactions, ExecGivesTheNumberOfRowsItChanged) {
  write([](WriteTransaction& tx) {
    EXPECT_EQ(tx.exec(kInsertName, 1, Bytes{"a"}), 1);
    EXPECT_EQ(tx.exec(kInsertName, 2, Bytes{"b"}), 1);
    EXPECT_EQ(tx.exec(kRename, 7, Bytes{"c"}), 0);
    EXPECT_EQ(tx.exec(kRename, 2, Bytes{"c"}), 1);
    EXPECT_EQ(tx.exec(kDeleteAll), 2);
  });
}

TEST_P(Transactions, ReturningGivesTheRowsThatWereWritten) {
  write([](WriteTransaction& tx) {
    for (int i = 1; i <= 4; ++i) {
      tx.exec(kInsertName, i, Bytes{std::to_string(i)});
    }
  });
  const auto gone = write([](WriteTransaction& tx) {
    std::vector<std::pair<std::int64_t, std::string>> rows;
    tx.each(kDeleteReturning, 3, [&](const Row& row) { rows.emplace_back(row.i64(0), row.bytes_copy(1)); });
    return rows;
  });
  EXPECT_EQ(gone, (std::vector<std::pair<std::int64_t, std::string>>{{1, "1"}, {2, "2"}, {3, "3"}}));
  EXPECT_EQ(read(count), 1);
}

TEST_P(Transactions, OneAndMaybeCountTheRows) {
  write([](WriteTransaction& tx) { tx.exec(kInsertName, 1, Bytes{"a"}); });
  read([](ReadTransaction& tx) {
    const auto name = [](const Row& row) { return row.bytes_copy(0); };
    EXPECT_EQ(tx.maybe(kNameOf, 1, name), "a");
    EXPECT_EQ(tx.maybe(kNameOf, 2, name), std::nullopt);
    EXPECT_TRUE(tx.any(kNameOf, 1));
    EXPECT_FALSE(tx.any(kNameOf, 2));
  });
  EXPECT_THROW(read([](ReadTransaction& tx) { tx.one(kNameOf, 2, [](const Row&) {}); }), StatementError);
  write([](WriteTransaction& tx) { tx.exec(kInsertName, 2, Bytes{"b"}); });
  EXPECT_THROW(read([](ReadTransaction& tx) {
                 return tx.maybe(kAllNumbers, [](const Row& row) { return row.i64(0); });
               }),
               StatementError);
}

TEST_P(Transactions, EachStopsWhenTheFunctionSaysSoAndMayRunOtherStatements) {
  write([](WriteTransaction& tx) {
    for (int i = 1; i <= 10; ++i) {
      tx.exec(kInsertName, i, Bytes{std::to_string(i)});
    }
  });
  read([](ReadTransaction& tx) {
    int seen = 0;
    tx.each(kAllNumbers, [&](const Row& row) {
      ++seen;
      EXPECT_EQ(tx.one(kNameOf, row.i64(0), [](const Row& inner) { return inner.bytes_copy(0); }),
                std::to_string(seen));
      // The same statement within itself.
      int inner_rows = 0;
      tx.each(kAllNumbers, [&](const Row&) { ++inner_rows; });
      EXPECT_EQ(inner_rows, 10);
      return seen < 3;
    });
    EXPECT_EQ(seen, 3);
    int all = 0;
    tx.each(kAllNumbers, [&](const Row&) { ++all; });
    EXPECT_EQ(all, 10);
  });
}

TEST_P(Transactions, AWriteThatThrowsLeavesNothing) {
  struct Mine {};
  EXPECT_THROW(write([](WriteTransaction& tx) {
                 tx.exec(kInsertName, 1, Bytes{"a"});
                 throw Mine{};
               }),
               Mine);
  EXPECT_EQ(read(count), 0);
}

TEST_P(Transactions, AnErrorThatTheFunctionPassesOverIsNotCommitted) {
  EXPECT_THROW(write([](WriteTransaction& tx) {
                 tx.exec(kInsertName, 1, Bytes{"a"});
                 try {
                   tx.exec(kInsertName, 2, Bytes{"a"});
                 } catch (const ConstraintViolation&) {
                 }
               }),
               StatementError);
  EXPECT_EQ(read(count), 0);
}

TEST_P(Transactions, AViolatedConstraintSaysWhichKind) {
  write([](WriteTransaction& tx) { tx.exec(kInsertName, 1, Bytes{"a"}); });
  try {
    write([](WriteTransaction& tx) { tx.exec(kInsertName, 2, Bytes{"a"}); });
    FAIL();
  } catch (const ConstraintViolation& violation) {
    EXPECT_EQ(violation.kind(), Constraint::Unique);
  }
  EXPECT_THROW(write([](WriteTransaction& tx) { tx.exec(kInsertName, 1, Bytes{"b"}); }), ConstraintViolation);
  EXPECT_EQ(read(count), 1);
}

TEST_P(Transactions, AWrongStatementOrArgumentIsRefused) {
  static constexpr Statement kNonsense{"SELEKT 1"};
  static constexpr Statement kNoTable{"SELECT a FROM nowhere"};
  EXPECT_THROW(write([](WriteTransaction& tx) { tx.exec(kNonsense); }), StatementError);
  EXPECT_THROW(read([](ReadTransaction& tx) { tx.each(kNoTable, [](const Row&) {}); }), StatementError);
  EXPECT_THROW(write([](WriteTransaction& tx) { tx.exec(kInsertName, 1); }), StatementError);
  EXPECT_THROW(write([](WriteTransaction& tx) { tx.exec(kInsertName, 1, Bytes{"a"}, 2); }), StatementError);
  // Text in a column of bytes, and bytes in one of text.
  EXPECT_THROW(write([](WriteTransaction& tx) { tx.exec(kInsertName, 1, "a"); }), StatementError);
  static constexpr Statement kInsertWord{"INSERT INTO things (number, word) VALUES ($1, $2)"};
  EXPECT_THROW(write([](WriteTransaction& tx) { tx.exec(kInsertWord, 1, Bytes{"a"}); }), StatementError);
  EXPECT_EQ(read(count), 0);
}

TEST_P(Transactions, AColumnIsReadAsWhatItIs) {
  write([](WriteTransaction& tx) { tx.exec(kInsertName, 1, Bytes{"a"}); });
  EXPECT_THROW(
      read([](ReadTransaction& tx) { tx.one(kNameOf, 1, [](const Row& row) { (void)row.i64(0); }); }),
      StatementError);
  EXPECT_THROW(
      read([](ReadTransaction& tx) { tx.one(kNameOf, 1, [](const Row& row) { (void)row.text(0); }); }),
      StatementError);
  EXPECT_THROW(
      read([](ReadTransaction& tx) { tx.one(kNameOf, 1, [](const Row& row) { (void)row.bytes(1); }); }),
      StatementError);
  EXPECT_THROW(
      read([](ReadTransaction& tx) { tx.one(kSelect, 1, [](const Row& row) { (void)row.i64(2); }); }),
      StatementError);
}

TEST_P(Transactions, AReadCannotWriteNotEvenThroughReturning) {
  write([](WriteTransaction& tx) { tx.exec(kInsertName, 1, Bytes{"a"}); });
  EXPECT_THROW(read([](ReadTransaction& tx) { tx.each(kDeleteReturning, 1, [](const Row&) {}); }),
               StatementError);
  EXPECT_EQ(read(count), 1);
}

TEST_P(Transactions, AReadSeesOneSnapshot) {
  // The write happens while the read is under way, from another thread.
  const auto counts = read([this](ReadTransaction& tx) {
    const std::int64_t before = count(tx);
    RealRuntime other{{.threads = 1}};
    run_blocking(other, "other", database_->write("test_other", [](WriteTransaction& inner) {
      inner.exec(kInsertName, 1, Bytes{"a"});
    }));
    return std::pair{before, count(tx)};
  });
  EXPECT_EQ(counts, (std::pair<std::int64_t, std::int64_t>{0, 0}));
  EXPECT_EQ(read(count), 1);
}

TEST_P(Transactions, TheNextReadSeesWhatWasCommitted) {
  run([](Database& db) -> Task<void> {
    for (int i = 1; i <= 200; ++i) {
      co_await db.write("test_write",
                        [&](WriteTransaction& tx) { tx.exec(kInsertName, i, Bytes{std::to_string(i)}); });
      const std::int64_t seen = co_await db.read("test_read", count);
      EXPECT_EQ(seen, i);
    }
  });
}

Task<void> insert_or_fail(Database& db, int number, bool fail) {
  try {
    co_await db.write("test_write", [&](WriteTransaction& tx) {
      tx.exec(kInsertName, number, Bytes{std::to_string(number)});
      if (fail) {
        throw std::runtime_error{"meant to fail"};
      }
    });
    EXPECT_FALSE(fail);
  } catch (const std::runtime_error&) {
    EXPECT_TRUE(fail);
  }
}

TEST_P(Transactions, OfManyAtOnceOnlyTheFailingOnesAreRolledBack) {
  run([](Database& db) -> Task<void> {
    std::vector<Task<void>> tasks;
    for (int i = 1; i <= 300; ++i) {
      tasks.push_back(insert_or_fail(db, i, i % 3 == 0));
    }
    co_await when_all(std::move(tasks));
  });
  const auto numbers = read([](ReadTransaction& tx) {
    std::vector<std::int64_t> result;
    tx.each(kAllNumbers, [&](const Row& row) { result.push_back(row.i64(0)); });
    return result;
  });
  ASSERT_EQ(numbers.size(), 200U);
  for (const std::int64_t number : numbers) {
    EXPECT_NE(number % 3, 0);
  }
}

TEST_P(Transactions, ConcurrentIncrementsAreAllCounted) {
  static constexpr Statement kRead{"SELECT big FROM things WHERE number = 1"};
  static constexpr Statement kWrite{"UPDATE things SET big = $1 WHERE number = 1"};
  static constexpr Statement kStart{"INSERT INTO things (number, big) VALUES (1, 0)"};
  write([](WriteTransaction& tx) { tx.exec(kStart); });
  run([](Database& db) -> Task<void> {
    const auto increment = [](Database& one) -> Task<void> {
      for (int i = 0; i < 20; ++i) {
        co_await one.write("test_increment", [](WriteTransaction& tx) {
          const std::int64_t value = tx.one(kRead, [](const Row& row) { return row.i64(0); });
          tx.exec(kWrite, value + 1);
        });
      }
    };
    std::vector<Task<void>> tasks;
    for (int i = 0; i < 4; ++i) {
      tasks.push_back(increment(db));
    }
    co_await when_all(std::move(tasks));
  });
  EXPECT_EQ(
      read([](ReadTransaction& tx) { return tx.one(kRead, [](const Row& row) { return row.i64(0); }); }), 80);
}

TEST_P(Transactions, TheCallersContextIsChargedAndCurrentInTheFunction) {
  const auto usage = run([](Database& db) -> Task<Usage> {
    const RefPtr<LogContext> mine = current_context().child("charged");
    {
      const ContextScope scope{mine};
      co_await db.write("test_write", [&](WriteTransaction& tx) {
        EXPECT_EQ(&current_context(), mine.get());
        tx.exec(kInsertName, 1, Bytes{"a"});
      });
      co_await db.read("test_read", [&](ReadTransaction&) { EXPECT_EQ(&current_context(), mine.get()); });
    }
    co_return mine->usage();
  });
  EXPECT_EQ(usage.db_txn_count, 2U);
  EXPECT_GT(usage.db_txn_duration.count(), 0);
  EXPECT_GE(usage.db_sched_duration.count(), 0);
}

// T4: who waits for a connection is charged the waiting, and who has one the work; each one transaction.
TEST_P(Transactions, WaitingForAConnectionIsToldFromTheTransaction) {
  struct Held {
    std::counting_semaphore<> may_end{0};
    std::atomic<int> asked{0};
    std::atomic<int> inside{0};
  };
  const auto charged = run([](Database& db) -> Task<std::vector<Usage>> {
    // More than either engine has connections for.
    constexpr int kReads = 64;
    const auto held = std::make_shared<Held>();
    const auto read = [](Database& one, std::shared_ptr<Held> until) -> Task<Usage> {
      const ContextScope scope{current_context().child("read")};
      ++until->asked;
      co_await one.read("test_held", [&until](ReadTransaction&) {
        ++until->inside;
        until->may_end.acquire();
      });
      co_return current_context().usage();
    };
    std::vector<Task<Usage>> reads;
    for (int i = 0; i < kReads; ++i) {
      reads.push_back(read(db, held));
    }
    // Ends the reads once some have been in their transactions, and the others before theirs, for long
    // enough.
    std::jthread ends{[held] {
      while (held->inside == 0 || held->asked < kReads) {
        std::this_thread::yield();
      }
      std::this_thread::sleep_for(2 * kHeld);
      held->may_end.release(kReads);
    }};
    co_return co_await when_all(std::move(reads));
  });
  std::size_t waited = 0;
  std::size_t worked = 0;
  for (const Usage& usage : charged) {
    EXPECT_EQ(usage.db_txn_count, 1U);
    EXPECT_GE(usage.db_sched_duration + usage.db_txn_duration, kHeld);
    waited += usage.db_sched_duration >= kHeld ? 1 : 0;
    worked += usage.db_txn_duration >= kHeld ? 1 : 0;
  }
  EXPECT_GE(waited, 1U);
  EXPECT_GE(worked, 1U);
}

TEST_P(Transactions, WriteCertainGivesWhatWasWrittenOnce) {
  const std::int64_t number = run([](Database& db) -> Task<std::int64_t> {
    co_return co_await db.write_certain(
        "test_certain",
        [](WriteTransaction& tx) {
          tx.exec(kInsertName, 5, Bytes{"five"});
          return std::int64_t{5};
        },
        [](WriteTransaction& tx) {
          return tx.maybe(kNumberOf, Bytes{"five"}, [](const Row& row) { return row.i64(0); });
        });
  });
  EXPECT_EQ(number, 5);
  EXPECT_EQ(read(count), 1);
}

TEST_P(Transactions, WhatWasCommittedIsThereAfterOpeningAgain) {
  write([](WriteTransaction& tx) { tx.exec(kInsertName, 1, Bytes{"a"}); });
  reopen();
  EXPECT_EQ(read(count), 1);
}

}  // namespace
}  // namespace lares::storage::test
