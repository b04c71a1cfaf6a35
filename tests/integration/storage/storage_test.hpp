// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "postgres_server.hpp"

#include <lares/async/real_runtime.hpp>
#include <lares/storage/database.hpp>
#include <lares/storage/migration.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace lares::storage::test {

/// An engine, and whether every write runs twice on it.
struct EngineCase {
  Engine engine = Engine::Sqlite;
  bool twice = false;
};

/// Every engine, in both ways. PostgreSQL is left out where it is not installed.
[[nodiscard]] std::vector<EngineCase> engine_cases();
/// Every engine, once.
[[nodiscard]] std::vector<EngineCase> engines();
[[nodiscard]] std::string case_name(const testing::TestParamInfo<EngineCase>& info);

/// The one PostgreSQL server of this test program.
[[nodiscard]] PostgresServer& shared_postgres();

/// A database that is new and empty, of the engine of the test's parameter.
class StorageTest : public testing::TestWithParam<EngineCase> {
 protected:
  StorageTest();
  ~StorageTest() override;

  /// Runs a function from Database& to a Task, and gives its result. The function captures nothing.
  template <class Function>
  auto run(Function function) {
    return run_blocking(runtime_, "test", function(*database_));
  }
  /// The same as a single write and read.
  template <class Function>
  auto write(Function function) {
    return run_blocking(runtime_, "test", database_->write("test_write", function));
  }
  template <class Function>
  auto read(Function function) {
    return run_blocking(runtime_, "test", database_->read("test_read", function));
  }
  void create(Sql sql);

  /// Another handle on the same database, as a second process has one. PostgreSQL only.
  [[nodiscard]] std::unique_ptr<Database> second_handle();
  void close() { database_.reset(); }
  void reopen();

  RealRuntime runtime_;
  TemporaryFolder folder_;
  std::string name_;
  std::unique_ptr<Database> database_;

 private:
  [[nodiscard]] std::unique_ptr<Database> open();
};

}  // namespace lares::storage::test
