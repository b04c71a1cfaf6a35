// SPDX-License-Identifier: Apache-2.0
#include "storage_test.hpp"

#include "postgres/options.hpp"
#include "sqlite/options.hpp"

#include <fmt/format.h>

#include <atomic>

namespace lares::storage::test {

std::vector<EngineCase> engine_cases() {
  std::vector<EngineCase> result{{Engine::Sqlite, false}, {Engine::Sqlite, true}};
  if (PostgresServer::available()) {
    result.push_back({Engine::Postgres, false});
    result.push_back({Engine::Postgres, true});
  }
  return result;
}

std::vector<EngineCase> engines() {
  std::vector<EngineCase> result{{Engine::Sqlite, false}};
  if (PostgresServer::available()) {
    result.push_back({Engine::Postgres, false});
  }
  return result;
}

std::string case_name(const testing::TestParamInfo<EngineCase>& info) {
  return fmt::format("{}{}", info.param.engine == Engine::Sqlite ? "Sqlite" : "Postgres",
                     info.param.twice ? "Twice" : "");
}

PostgresServer& shared_postgres() {
  static PostgresServer server;
  return server;
}

StorageTest::StorageTest() : runtime_{{.threads = 1}} {
  static std::atomic<int> next{0};
  name_ = fmt::format("test_{}", next.fetch_add(1));
  if (GetParam().engine == Engine::Postgres) {
    shared_postgres().create_database(name_);
  }
  database_ = open();
}

StorageTest::~StorageTest() {
  database_.reset();
}

std::unique_ptr<Database> StorageTest::open() {
  const DatabaseOptions options{.rehearse_writes = GetParam().twice, .server_name = "test"};
  if (GetParam().engine == Engine::Sqlite) {
    sqlite::SqliteOptions sqlite;
    sqlite.path = folder_.path() / "test.db";
    sqlite.database = options;
    return sqlite::open_sqlite(sqlite, runtime_);
  }
  postgres::PostgresOptions postgres;
  postgres.parameters = {{"host", shared_postgres().socket_folder()}, {"user", "lares"}, {"dbname", name_}};
  postgres.max_connections = 6;
  postgres.database = options;
  return postgres::open_postgres(postgres, runtime_);
}

std::unique_ptr<Database> StorageTest::second_handle() {
  return open();
}

void StorageTest::reopen() {
  database_.reset();
  database_ = open();
}

void StorageTest::create(Sql sql) {
  write([&](WriteTransaction& tx) { tx.exec(Statement::generated(std::string{sql.text(tx.engine())})); });
}

}  // namespace lares::storage::test
