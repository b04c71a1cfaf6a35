// SPDX-License-Identifier: Apache-2.0
// What the states of a large room cost in a real SQLite file: bytes a change with every state still
// reachable, and the time in which a process that has never seen the room reads all entries of its state.
// Prints a table and fails (exit 1) above the bars. Run: bench_room_state_store [members] [changes]
#include <lares/matrix/state_map.hpp>

#include <fmt/core.h>
#include <sqlite3.h>

#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace lares::matrix;
using Milliseconds = std::chrono::duration<double, std::milli>;

void check(sqlite3* db, int code) {
  if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) {
    fmt::print(stderr, "sqlite: {}\n", sqlite3_errmsg(db));
    std::exit(2);
  }
}

class Database {
 public:
  Database(const std::filesystem::path& path, bool clustered) : path_{path} {
    check(db_, sqlite3_open(path.c_str(), &db_));
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=OFF");
    run("CREATE TABLE IF NOT EXISTS room_state_blocks (room INTEGER NOT NULL, block INTEGER NOT NULL, "
        "bytes BLOB NOT NULL, PRIMARY KEY (room, block))" +
        std::string(clustered ? " WITHOUT ROWID" : ""));
  }
  ~Database() { sqlite3_close(db_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void run(const std::string& sql) { check(db_, sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr)); }
  [[nodiscard]] sqlite3* handle() const noexcept { return db_; }

  [[nodiscard]] std::uint64_t number(const std::string& sql) const {
    sqlite3_stmt* statement = nullptr;
    check(db_, sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr));
    check(db_, sqlite3_step(statement));
    const auto value = static_cast<std::uint64_t>(sqlite3_column_int64(statement, 0));
    sqlite3_finalize(statement);
    return value;
  }
  /// The table and its indexes, whole pages.
  [[nodiscard]] std::uint64_t bytes() {
    run("VACUUM");
    return number("PRAGMA page_count") * number("PRAGMA page_size");
  }

 private:
  std::filesystem::path path_;
  sqlite3* db_ = nullptr;
};

constexpr std::int64_t kRoom = 48'211;

class SqliteStore final : public NodeStore {
 public:
  explicit SqliteStore(Database& db) : db_{db.handle()} {
    check(db_, sqlite3_prepare_v2(db_, "SELECT bytes FROM room_state_blocks WHERE room = ?1 AND block = ?2",
                                  -1, &select_, nullptr));
    check(db_, sqlite3_prepare_v2(db_, "INSERT INTO room_state_blocks VALUES (?1, ?2, ?3)", -1, &insert_,
                                  nullptr));
  }
  ~SqliteStore() override {
    sqlite3_finalize(select_);
    sqlite3_finalize(insert_);
  }
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  void load(std::span<const BlockId> blocks,
            const std::function<void(std::size_t, std::string_view)>& give) override {
    for (std::size_t index = 0; index < blocks.size(); ++index) {
      sqlite3_bind_int64(select_, 1, kRoom);
      sqlite3_bind_int64(select_, 2, static_cast<std::int64_t>(blocks[index]));
      if (sqlite3_step(select_) == SQLITE_ROW) {
        give(index, {static_cast<const char*>(sqlite3_column_blob(select_, 0)),
                     static_cast<std::size_t>(sqlite3_column_bytes(select_, 0))});
      }
      sqlite3_reset(select_);
    }
  }

  NodeId save(const StateMap& map) {
    std::vector<StateBlock> rows;
    const NodeId root = map.save(next_, rows);
    next_ += rows.size();
    for (const StateBlock& row : rows) {
      sqlite3_bind_int64(insert_, 1, kRoom);
      sqlite3_bind_int64(insert_, 2, static_cast<std::int64_t>(row.number));
      sqlite3_bind_blob(insert_, 3, row.bytes.data(), static_cast<int>(row.bytes.size()), SQLITE_STATIC);
      check(db_, sqlite3_step(insert_));
      sqlite3_reset(insert_);
    }
    return root;
  }

 private:
  sqlite3* db_;
  sqlite3_stmt* select_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  BlockId next_ = 1;
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

std::filesystem::path fresh(const std::filesystem::path& folder, const char* name) {
  const auto path = folder / name;
  std::filesystem::remove(path);
  return path;
}

bool growth(const std::filesystem::path& folder, std::size_t members, std::size_t changes, bool clustered) {
  Database db{fresh(folder, "growth.db"), clustered};
  SqliteStore store{db};
  std::mt19937_64 random{7};
  const std::vector<std::uint64_t> keys = keys_of_room(members, random);
  Numbers events{2, 30};

  std::vector<StateChange> first;
  for (const std::uint64_t key : keys) {
    first.push_back({key, events.next()});
  }
  StateMap map = StateMap::from(first);
  db.run("BEGIN");
  static_cast<void>(store.save(map));
  db.run("COMMIT");
  const std::uint64_t before = db.bytes();

  std::vector<NodeId> roots;
  std::vector<StateChange> made;
  db.run("BEGIN");
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t index = 0; index < changes; ++index) {
    made.push_back({keys[random() % keys.size()], events.next()});
    map = map.with({&made.back(), 1}).value();
    roots.push_back(store.save(map));
  }
  const Milliseconds took = std::chrono::steady_clock::now() - begin;
  db.run("COMMIT");
  const std::uint64_t after = db.bytes();

  // Every state is still there: open some and compare them with the next.
  for (std::size_t index = 0; index + 1 < roots.size(); index += 97) {
    const auto differences =
        StateMap::diff(StateMap::open(roots[index]), StateMap::open(roots[index + 1]), &store).value();
    if (differences.size() != 1 || differences[0].key != made[index + 1].key ||
        differences[0].after != made[index + 1].value) {
      fmt::print(stderr, "the state after change {} is not what it was\n", index);
      return false;
    }
  }
  const double bytes = static_cast<double>(after - before) / static_cast<double>(changes);
  const auto rows = db.number("SELECT count(*) FROM room_state_blocks");
  const auto payload = db.number("SELECT sum(length(bytes)) FROM room_state_blocks");
  fmt::print("{:<58} {:>8.0f} bytes  (bar 400)\n",
             fmt::format("a change, {} members, {} changes, {}", members, changes,
                         clustered ? "clustered" : "table and index"),
             bytes);
  fmt::print("  the whole room: {} rows, {} bytes of payload, {} on disk; {:.1f} us a change\n", rows,
             payload, after, took.count() * 1000 / static_cast<double>(changes));
  return bytes <= 400;
}

bool reading(const std::filesystem::path& folder, std::size_t members, bool one_by_one) {
  Database db{fresh(folder, "reading.db"), true};
  SqliteStore store{db};
  std::mt19937_64 random{8};
  const std::vector<std::uint64_t> keys = keys_of_room(members, random);
  Numbers events{3, 30};
  StateMap map;
  NodeId root = 0;
  db.run("BEGIN");
  if (one_by_one) {
    for (const std::uint64_t key : keys) {
      map = map.with(key, events.next()).value();
      root = store.save(map);
    }
  } else {
    std::vector<StateChange> entries;
    for (const std::uint64_t key : keys) {
      entries.push_back({key, events.next()});
    }
    map = StateMap::from(entries);
    root = store.save(map);
  }
  db.run("COMMIT");
  std::vector<double> times;
  std::size_t found = 0;
  for (int run = 0; run < 7; ++run) {
    const auto begin = std::chrono::steady_clock::now();
    const StateMap opened = StateMap::open(root);
    found = 0;
    static_cast<void>(opened.for_each(
        [&](std::uint64_t, std::uint64_t) {
          ++found;
          return true;
        },
        &store));
    times.push_back(Milliseconds{std::chrono::steady_clock::now() - begin}.count());
    if (found != keys.size()) {
      fmt::print(stderr, "{} entries of {}\n", found, keys.size());
      return false;
    }
  }
  std::ranges::sort(times);
  fmt::print("{:<58} {:>8.1f} ms     (bar 50)\n",
             fmt::format("all entries, {} members, {}", members,
                         one_by_one ? "joined one by one" : "joined at once"),
             times[times.size() / 2]);
  fmt::print("  in memory: {} bytes\n", map.memory_bytes());
  return times[times.size() / 2] <= 50;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t members = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000;
  const std::size_t changes = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 10'000;
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("lares-room-state-{}", ::getpid());
  std::filesystem::create_directories(folder);
  bool good = growth(folder, members, changes, true);
  good = growth(folder, members, changes, false) && good;
  good = reading(folder, 100'000, true) && good;
  good = reading(folder, 100'000, false) && good;
  std::filesystem::remove_all(folder);
  return good ? 0 : 1;
}
