// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/storage/database.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lares {
class Runtime;
}

namespace lares::storage::postgres {

struct PostgresOptions {
  /// libpq's connection parameters by name.
  std::vector<std::pair<std::string, std::string>> parameters;
  std::size_t min_connections = 1;
  std::size_t max_connections = 10;
  std::size_t max_queued = 20'000;
  /// A connection is replaced after this many transactions; 0 for never.
  std::int64_t transaction_limit = 0;
  /// Start although the database's collation is not C.
  bool allow_unsafe_locale = false;
  DatabaseOptions database;
};

/// Opens a pool of connections.
/// **Errors**: StartError when the server cannot be reached, or the database is not fit: encoding, collation,
/// version.
[[nodiscard]] std::unique_ptr<Database> open_postgres(const PostgresOptions& options, Runtime& runtime);

}  // namespace lares::storage::postgres
