// SPDX-License-Identifier: Apache-2.0
// How many transactions a second an engine takes, and how long one lasts:
//   bench_storage [coroutines=16] [seconds=3] [folder]       SQLite in a file of that folder
//   bench_storage [coroutines=16] [seconds=3] "conninfo: host=/run/... dbname=..."   PostgreSQL
#include "postgres/options.hpp"
#include "sqlite/options.hpp"

#include <lares/async/real_runtime.hpp>
#include <lares/async/when_all.hpp>
#include <lares/storage/database.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace lares;
using namespace lares::storage;

constexpr Statement kCreate{
    "CREATE TABLE IF NOT EXISTS bench (number {id}, room BIGINT NOT NULL, event_id {bytes} NOT NULL UNIQUE, "
    "body {bytes} NOT NULL)"};
constexpr Statement kClear{"DELETE FROM bench"};
constexpr Statement kInsert{"INSERT INTO bench (number, room, event_id, body) VALUES ($1, $2, $3, $4)"};
constexpr Statement kSelect{"SELECT room, body FROM bench WHERE number = $1"};

struct Shared {
  Runtime& runtime;
  Database& database;
  SteadyTime until;
  std::int64_t next = 1;
  std::vector<double> microseconds;
};

using Operation = Task<void> (*)(Shared& shared);

Task<void> write_one(Shared& shared) {
  const std::int64_t number = shared.next++;
  const std::string id = fmt::format("${:043d}", number);
  const std::string body(600, 'x');
  co_await shared.database.write("bench_write", [&](WriteTransaction& tx) {
    tx.exec(kInsert, number, number % 16, Bytes{id}, Bytes{body});
  });
}

Task<void> write_nothing(Shared& shared) {
  co_await shared.database.write("bench_empty_write", [](WriteTransaction&) {});
}

Task<void> read_one(Shared& shared) {
  const std::int64_t number = 1 + (shared.next++ % 1000);
  co_await shared.database.read("bench_read", [&](ReadTransaction& tx) {
    return tx.maybe(kSelect, number, [](const Row& row) { return row.bytes_copy(1); });
  });
}

Task<void> read_nothing(Shared& shared) {
  co_await shared.database.read("bench_empty_read", [](ReadTransaction&) {});
}

Task<void> repeat(Shared& shared, Operation operation) {
  for (SteadyTime before = shared.runtime.steady_now(); before < shared.until;) {
    co_await operation(shared);
    const SteadyTime after = shared.runtime.steady_now();
    shared.microseconds.push_back(std::chrono::duration<double, std::micro>{after - before}.count());
    before = after;
  }
}

Task<void> measure(Shared& shared, std::string_view name, Operation operation, int coroutines, int seconds) {
  shared.microseconds.clear();
  const SteadyTime begin = shared.runtime.steady_now();
  const std::uint64_t commits = shared.database.statistics().commits.load();
  shared.until = begin + std::chrono::seconds{seconds};
  std::vector<Task<void>> tasks;
  for (int i = 0; i < coroutines; ++i) {
    tasks.push_back(repeat(shared, operation));
  }
  co_await when_all(std::move(tasks));
  const double took = std::chrono::duration<double>{shared.runtime.steady_now() - begin}.count();
  std::vector<double>& all = shared.microseconds;
  std::ranges::sort(all);
  const auto at = [&all](double part) {
    return all[static_cast<std::size_t>(part * static_cast<double>(all.size() - 1))];
  };
  const auto groups =
      static_cast<double>(std::max<std::uint64_t>(1, shared.database.statistics().commits.load() - commits));
  fmt::print(
      "{:<14} {:>3} at a time  {:>9.0f}/s  p50 {:>7.0f} us  p99 {:>7.0f} us  max {:>8.0f} us  {:.1f} a "
      "commit\n",
      name, coroutines, static_cast<double>(all.size()) / took, at(0.5), at(0.99), all.back(),
      static_cast<double>(all.size()) / groups);
}

Task<void> run_all(Runtime& runtime, Database& database, int coroutines, int seconds) {
  Shared shared{.runtime = runtime, .database = database, .until = {}, .microseconds = {}};
  co_await database.write("bench_create", [](WriteTransaction& tx) {
    tx.exec(kCreate);
    tx.exec(kClear);
  });
  for (const int many : {1, coroutines}) {
    co_await measure(shared, "write a row", write_one, many, seconds);
    co_await measure(shared, "write nothing", write_nothing, many, seconds);
    co_await measure(shared, "read a row", read_one, many, seconds);
    co_await measure(shared, "read nothing", read_nothing, many, seconds);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int coroutines = argc > 1 ? std::atoi(argv[1]) : 16;
  const int seconds = argc > 2 ? std::atoi(argv[2]) : 3;
  const std::string where = argc > 3 ? argv[3] : std::filesystem::temp_directory_path().string();
  RealRuntime runtime{{.threads = 1}};
  std::unique_ptr<Database> database;
  if (const std::string_view prefix = "conninfo:"; where.starts_with(prefix)) {
    postgres::PostgresOptions options;
    std::istringstream words{where.substr(prefix.size())};
    for (std::string word; words >> word;) {
      const std::size_t equals = word.find('=');
      options.parameters.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
    database = postgres::open_postgres(options, runtime);
  } else {
    sqlite::SqliteOptions options;
    options.path = where + "/bench_storage.db";
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::filesystem::remove(options.path + suffix);
    }
    database = sqlite::open_sqlite(options, runtime);
  }
  run_blocking(runtime, "bench", run_all(runtime, *database, coroutines, seconds));
}
