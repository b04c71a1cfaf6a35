// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/storage/migration.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace lares::storage {

/// Whom a purge is about.
struct OwnerId {
  OwnerKind kind = OwnerKind::Room;
  std::string id;         ///< room id, user id or server name
  std::string device_id;  ///< with OwnerKind::Device only; `id` is then its user
};

/// How many rows one step deletes at most.
inline constexpr std::int64_t kPurgeStepRows = 500;

struct PurgeReport {
  std::uint64_t rows = 0;
  std::uint64_t steps = 0;
};

/// Deletes every row that the declarations say is the owner's, in bounded steps, each a write of its own.
/// Erasing a user takes the rows of all the user's devices too. A row in `purges` stands until the last step,
/// so that a purge which was interrupted is found by `unfinished_purges`, and running it again goes on.
///
/// What counts on these rows (caches, sessions, actors) must have been told before: a room's writer has let
/// go of it, a user is deactivated.
LARES_EXPORT Task<PurgeReport> purge_owner(Database& database, std::span<const Schema> schemas, OwnerId owner,
                                           std::int64_t now_ts);

/// The purges that were begun and not finished.
LARES_EXPORT Task<std::vector<OwnerId>> unfinished_purges(Database& database);

/// Deletes rows that time has ended, in every table that declares `prune`, in bounded steps. Gives the rows
/// deleted.
LARES_EXPORT Task<std::uint64_t> prune_tables(Database& database, std::span<const Schema> schemas,
                                              std::int64_t now_ts);

/// How many rows are beyond their table's bound, of the tables that declare `excess`: "table: n", empty when
/// none is.
LARES_EXPORT Task<std::vector<std::string>> check_bounds(Database& database, std::span<const Schema> schemas);

}  // namespace lares::storage
