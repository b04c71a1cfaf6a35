// SPDX-License-Identifier: Apache-2.0
// What the states of a large room cost in the tables that the events plugin keeps them in, on either engine:
// bytes a change with every state still reachable, and the time in which a process that has never seen the
// room reads all entries of its state. Prints a table and fails (exit 1) above the bars.
// Run: bench_room_state_store [members] [changes]
#include <event_reader.hpp>
#include <postgres/options.hpp>
#include <postgres_server.hpp>
#include <schema.hpp>
#include <sqlite/options.hpp>
#include <state_blocks.hpp>
#include <state_collector.hpp>

#include <lares/async/real_runtime.hpp>
#include <lares/storage/migration.hpp>
#include <lares/storage/transaction.hpp>

#include <fmt/core.h>
#include <libpq-fe.h>
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace lares::events {
namespace {

using namespace matrix;
using Milliseconds = std::chrono::duration<double, std::milli>;
using storage::Engine;
using storage::ReadTransaction;
using storage::WriteTransaction;

constexpr std::int64_t kRoom = 48'211;
constexpr std::size_t kChangesOfBatch = 100;

/// An engine with an empty database of this program's own.
class Place {
 public:
  Place(Engine engine, Runtime& runtime) : engine_(engine), runtime_(runtime) {
    if (engine == Engine::Postgres) {
      server_ = std::make_unique<storage::test::PostgresServer>();
      server_->create_database("states");
    }
    open();
    const std::vector<storage::Schema> schemas{events_schema()};
    run_blocking(runtime_, "bench", storage::migrate(*database_, schemas, 1));
  }

  [[nodiscard]] std::string_view name() const { return engine_ == Engine::Sqlite ? "SQLite" : "PostgreSQL"; }
  [[nodiscard]] double bytes_bar() const { return engine_ == Engine::Sqlite ? 400 : 600; }
  [[nodiscard]] double time_bar() const { return engine_ == Engine::Sqlite ? 50 : 150; }

  /// The table of blocks and its indexes, whole pages, after VACUUM. (On SQLite with what else is in the
  /// file, which does not grow.)
  std::int64_t bytes() {
    database_.reset();
    const std::int64_t result = engine_ == Engine::Sqlite ? sqlite_bytes() : postgres_bytes();
    open();
    return result;
  }

  template <class Function>
  auto read(Function function) {
    return run_blocking(runtime_, "bench", database_->read("bench", function));
  }
  template <class Function>
  auto write(Function function) {
    return run_blocking(runtime_, "bench", database_->write("bench", function));
  }
  void insert(const std::vector<StateBlock>& blocks) {
    write([&](WriteTransaction& tx) { insert_state_blocks(tx, kRoom, blocks); });
  }

 private:
  void open() {
    if (engine_ == Engine::Sqlite) {
      storage::sqlite::SqliteOptions options;
      options.path = folder_.path() / "states.db";
      database_ = storage::sqlite::open_sqlite(options, runtime_);
    } else {
      storage::postgres::PostgresOptions options;
      options.parameters = {{"host", server_->socket_folder()}, {"user", "lares"}, {"dbname", "states"}};
      database_ = storage::postgres::open_postgres(options, runtime_);
    }
  }
  std::int64_t sqlite_bytes() const {
    sqlite3* db = nullptr;
    if (sqlite3_open((folder_.path() / "states.db").c_str(), &db) != SQLITE_OK ||
        sqlite3_exec(db, "VACUUM", nullptr, nullptr, nullptr) != SQLITE_OK) {
      throw std::runtime_error{sqlite3_errmsg(db)};
    }
    std::int64_t result = 1;
    for (const char* pragma : {"PRAGMA page_count", "PRAGMA page_size"}) {
      sqlite3_stmt* statement = nullptr;
      sqlite3_prepare_v2(db, pragma, -1, &statement, nullptr);
      sqlite3_step(statement);
      result *= sqlite3_column_int64(statement, 0);
      sqlite3_finalize(statement);
    }
    sqlite3_close(db);
    return result;
  }
  std::int64_t postgres_bytes() const {
    PGconn* const connection =
        PQconnectdb(fmt::format("host={} user=lares dbname=states", server_->socket_folder()).c_str());
    PQclear(PQexec(connection, "VACUUM state_blocks"));
    PGresult* const result = PQexec(connection, "SELECT pg_total_relation_size('state_blocks')");
    const std::string text = PQntuples(result) == 1 ? PQgetvalue(result, 0, 0) : "";
    PQclear(result);
    PQfinish(connection);
    return std::stoll(text);
  }

  Engine engine_;
  Runtime& runtime_;
  storage::test::TemporaryFolder folder_;
  std::unique_ptr<storage::test::PostgresServer> server_;
  std::unique_ptr<storage::Database> database_;
};

/// Numbers as an interning store gives them to one room among many: they grow, with gaps.
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed, std::uint64_t gap) : random_{seed}, gap_{gap} {}
  std::uint64_t next() { return now_ += 1 + random_() % gap_; }

 private:
  std::mt19937_64 random_;
  std::uint64_t gap_;
  std::uint64_t now_ = 30'000'000;
};

std::vector<std::uint64_t> keys_of_room(std::size_t members, std::mt19937_64& random) {
  Numbers numbers{1, 40};
  std::vector<std::uint64_t> keys;
  for (std::size_t index = 0; index < members + 12; ++index) {
    keys.push_back(numbers.next());
  }
  // People join in another order than the server first heard of them.
  std::ranges::shuffle(keys, random);
  return keys;
}

/// Saves maps of the room, and puts their blocks into the table some at a time.
class Saver {
 public:
  explicit Saver(Place& place) : place_(place) {}
  NodeId save(const StateMap& map) {
    const NodeId root = map.save(next_, blocks_);
    if (!blocks_.empty()) {
      next_ = blocks_.back().number + 1;
    }
    if (blocks_.size() >= kChangesOfBatch) {
      flush();
    }
    return root;
  }
  void flush() {
    place_.insert(blocks_);
    blocks_.clear();
  }

 private:
  Place& place_;
  std::vector<StateBlock> blocks_;
  BlockId next_ = 1;
};

bool growth(Place& place, std::size_t members, std::size_t changes) {
  Saver saver{place};
  std::mt19937_64 random{7};
  const std::vector<std::uint64_t> keys = keys_of_room(members, random);
  Numbers events{2, 30};
  std::vector<StateChange> first;
  for (const std::uint64_t key : keys) {
    first.push_back({key, events.next()});
  }
  StateMap map = StateMap::from(first);
  static_cast<void>(saver.save(map));
  saver.flush();
  const std::int64_t before = place.bytes();

  std::vector<NodeId> roots;
  std::vector<StateChange> made;
  for (std::size_t index = 0; index < changes; ++index) {
    made.push_back({keys[random() % keys.size()], events.next()});
    map = map.with({&made.back(), 1}).value();
    roots.push_back(saver.save(map));
  }
  saver.flush();
  const std::int64_t after = place.bytes();

  // Every state is still there: open some and compare them with the next.
  for (std::size_t index = 0; index + 1 < roots.size(); index += 97) {
    const auto differences = place.read([&](ReadTransaction& tx) {
      StateBlocks store{tx, kRoom};
      return StateMap::diff(StateMap::open(roots[index]), StateMap::open(roots[index + 1]), &store).value();
    });
    if (differences.size() != 1 || differences[0].key != made[index + 1].key ||
        differences[0].after != made[index + 1].value) {
      fmt::print(stderr, "the state after change {} is not what it was\n", index);
      return false;
    }
  }
  const double bytes = static_cast<double>(after - before) / static_cast<double>(changes);
  fmt::print("{:<60} {:>8.0f} bytes  (bar {})\n",
             fmt::format("{}: a change, {} members, {} changes", place.name(), members, changes), bytes,
             place.bytes_bar());
  return bytes <= place.bytes_bar();
}

bool reading(Place& place, std::size_t members, bool one_by_one) {
  Saver saver{place};
  std::mt19937_64 random{8};
  const std::vector<std::uint64_t> keys = keys_of_room(members, random);
  Numbers events{3, 30};
  StateMap map;
  NodeId root = 0;
  std::vector<StateChange> entries;
  for (const std::uint64_t key : keys) {
    entries.push_back({key, events.next()});
    if (one_by_one) {
      map = map.with({&entries.back(), 1}).value();
      root = saver.save(map);
    }
  }
  if (!one_by_one) {
    root = saver.save(StateMap::from(entries));
  }
  saver.flush();
  // Pages warm, statistics taken; another connection for each run would measure connecting.
  static_cast<void>(place.bytes());
  std::vector<double> times;
  for (int run = 0; run < 8; ++run) {
    std::size_t found = 0;
    const auto begin = std::chrono::steady_clock::now();
    place.read([&](ReadTransaction& tx) {
      StateBlocks store{tx, kRoom};
      found = 0;
      static_cast<void>(StateMap::open(root).for_each(
          [&found](std::uint64_t, std::uint64_t) {
            ++found;
            return true;
          },
          &store));
    });
    const double took = Milliseconds{std::chrono::steady_clock::now() - begin}.count();
    if (run > 0) {
      times.push_back(took);
    }
    if (found != keys.size()) {
      fmt::print(stderr, "{} entries of {}\n", found, keys.size());
      return false;
    }
  }
  std::ranges::sort(times);
  const double median = times[times.size() / 2];
  fmt::print("{:<60} {:>8.1f} ms     (bar {})\n",
             fmt::format("{}: all entries, {} members, {}", place.name(), members,
                         one_by_one ? "joined one by one" : "joined at once"),
             median, place.time_bar());
  return median <= place.time_bar();
}

int run(std::size_t members, std::size_t changes) {
  constexpr std::size_t kMembersRead = 100'000;
  RealRuntime runtime{{.threads = 1}};
  std::vector<Engine> engines{Engine::Sqlite};
  if (storage::test::PostgresServer::available()) {
    engines.push_back(Engine::Postgres);
  }
  bool good = true;
  for (const Engine engine : engines) {
    const auto fresh = [engine, &runtime] { return std::make_unique<Place>(engine, runtime); };
    good = growth(*fresh(), members, changes) && good;
    good = reading(*fresh(), kMembersRead, true) && good;
    good = reading(*fresh(), kMembersRead, false) && good;
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace lares::events

int main(int argc, char** argv) {
  const std::size_t members = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000;
  const std::size_t changes = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 10'000;
  return lares::events::run(members, changes);
}
