// SPDX-License-Identifier: Apache-2.0
#include <lares/storage/migration.hpp>

#include <lares/base/strings.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace lares::storage {

namespace {

constexpr const char* kLock = "migrations";

// Exists before every migration, so it is not made by one.
constexpr Statement kCreateMigrations{
    "CREATE TABLE IF NOT EXISTS schema_migrations (plugin TEXT NOT NULL, number BIGINT NOT NULL, kind TEXT "
    "NOT NULL, "
    "applied_ts BIGINT NOT NULL, PRIMARY KEY (plugin, number))"};
constexpr Statement kApplied{"SELECT plugin, number, kind FROM schema_migrations"};
constexpr Statement kIsApplied{"SELECT 1 FROM schema_migrations WHERE plugin = $1 AND number = $2"};
constexpr Statement kRecord{
    "INSERT INTO schema_migrations (plugin, number, kind, applied_ts) VALUES ($1, $2, $3, $4)"};
constexpr Statement kStartUpdate{
    "INSERT INTO background_updates (name, plugin, ordinal, progress) "
    "VALUES ($1, $2, (SELECT COALESCE(MAX(ordinal), 0) + 1 FROM background_updates), $3) ON CONFLICT (name) "
    "DO NOTHING"};

using Applied = std::set<std::pair<std::string, std::int64_t>>;

struct History {
  Applied applied;
  std::map<std::string, std::int64_t> last_contract;
};

History read_history(ReadTransaction& tx) {
  History history;
  tx.each(kApplied, [&](const Row& row) {
    std::string plugin = row.text_copy(0);
    const std::int64_t number = row.i64(1);
    if (row.text(2) == "contract") {
      std::int64_t& last = history.last_contract[plugin];
      last = std::max(last, number);
    }
    history.applied.emplace(std::move(plugin), number);
  });
  return history;
}

void refuse_newer_contracts(const History& history, std::span<const Schema> schemas) {
  for (const Schema& schema : schemas) {
    const auto found = history.last_contract.find(std::string{schema.plugin});
    const int known = schema.migrations.empty() ? 0 : schema.migrations.back().number;
    if (found != history.last_contract.end() && found->second > known) {
      throw MigrationError{fmt::format(
          "The database was changed by a later release in a way that this one cannot work with: {} has been "
          "through "
          "step {}, this build knows {}. Install that release again, or restore the backup made before it.",
          schema.plugin, found->second, known)};
    }
  }
}

// False if another process was faster.
bool apply(WriteTransaction& tx, const Schema& schema, const Migration& migration, std::int64_t now_ts) {
  tx.lock(kLock);
  if (tx.any(kIsApplied, schema.plugin, migration.number)) {
    return false;
  }
  for (const Sql& sql : migration.statements) {
    tx.exec(Statement::generated(std::string{sql.text(tx.engine())}));
  }
  for (const std::string_view update : migration.starts) {
    tx.exec(kStartUpdate, update, schema.plugin, Bytes{});
  }
  tx.exec(kRecord, schema.plugin, migration.number,
          migration.kind == MigrationKind::Expand ? "expand" : "contract", now_ts);
  return true;
}

}  // namespace

Task<MigrationReport> migrate(Database& database, std::span<const Schema> schemas, std::int64_t now_ts) {
  std::vector<Schema> all{storage_schema()};
  all.insert(all.end(), schemas.begin(), schemas.end());
  if (const std::vector<std::string> wrong = check_schemas(all); !wrong.empty()) {
    throw MigrationError{join(wrong, " ")};
  }
  const History history = co_await database.write("migrate_history", [](WriteTransaction& tx) {
    tx.lock(kLock);
    tx.exec(kCreateMigrations);
    return read_history(tx);
  });
  refuse_newer_contracts(history, all);
  MigrationReport report;
  for (const Schema& schema : all) {
    for (const Migration& migration : schema.migrations) {
      if (history.applied.contains({std::string{schema.plugin}, migration.number})) {
        continue;
      }
      const bool applied = co_await database.write(
          "migrate", [&](WriteTransaction& tx) { return apply(tx, schema, migration, now_ts); });
      if (applied) {
        report.applied.push_back(
            fmt::format("{} {}: {}", schema.plugin, migration.number, migration.summary));
      }
    }
  }
  co_return report;
}

}  // namespace lares::storage
