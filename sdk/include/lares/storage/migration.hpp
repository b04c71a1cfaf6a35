// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/storage/background_update.hpp>
#include <lares/storage/database.hpp>
#include <lares/storage/table.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lares::storage {

enum class MigrationKind : std::uint8_t {
  Expand,    ///< the previous release goes on working with it: new tables, new columns with defaults, new
             ///< indexes
  Contract,  ///< removes what the previous release no longer uses; ships one release after the expand step it
             ///< completes
};

/// One numbered step of one plugin's tables. A step that has been released never changes.
struct Migration {
  int number = 0;  ///< counts from 1, without gaps
  MigrationKind kind = MigrationKind::Expand;
  std::string_view summary;  ///< for the log, as in "Adds the table of typing users."
  /// CREATE, ALTER, DROP: never a pass over data, since start does not wait for data. What must pass over
  /// rows is a background update. Run in one transaction.
  std::vector<Sql> statements;
  /// Names of background updates, declared in the Schema, that start with this step.
  std::vector<std::string_view> starts = {};
};

/// Everything one plugin keeps in the database. Declared with `Declarations::schema`.
struct Schema {
  std::string_view plugin;
  std::vector<Migration> migrations;
  std::vector<Table> tables;
  std::vector<BackgroundUpdate> updates = {};
};

/// What is wrong with declarations, one sentence each: a table without owner, bound, end or key, migrations
/// out of order, two tables of one name, a table that is made and not declared or declared and not made.
/// Empty when all is well.
[[nodiscard]] LARES_EXPORT std::vector<std::string> check_schemas(std::span<const Schema> schemas);

/// The tables that the storage layer keeps for itself: migrations, background updates, interned texts, number
/// blocks, purges. Goes before those of plugins.
[[nodiscard]] LARES_EXPORT Schema storage_schema();

/// What `migrate` did.
struct MigrationReport {
  std::vector<std::string> applied;  ///< "typing 3: Adds the table of typing users."
};

/// Refused: the declarations are wrong, or the database has been through a contract step that this build does
/// not know.
class LARES_EXPORT MigrationError : public Error {
 public:
  using Error::Error;
  ~MigrationError() override;
};

/// Brings the database to what the schemas declare, in their order, under a lock: of several processes one
/// migrates and the others find it done. `storage_schema()` goes first by itself. Each step commits by
/// itself, so that what was interrupted goes on with the next start.
///
/// **Errors**: MigrationError with what an administrator can do; nothing has been changed then.
LARES_EXPORT Task<MigrationReport> migrate(Database& database, std::span<const Schema> schemas,
                                           std::int64_t now_ts);

}  // namespace lares::storage
