// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/storage/statement.hpp>

#include <string>
#include <string_view>

namespace lares::storage {

/// The engine's own SQL for a text in the shared dialect: the words in braces filled in. On SQLite a CREATE
/// TABLE also becomes STRICT and its types those that STRICT knows, so that a text in a `{bytes}` column, or
/// the other way round, is refused there as it is by PostgreSQL. For engines.
/// **Errors**: StatementError for a word that does not exist.
[[nodiscard]] LARES_EXPORT std::string to_engine_sql(std::string_view sql, Engine engine);

/// The engine's SQL for a statement over many rows. On SQLite it is for one row, run in a loop, with one
/// parameter for each column; on PostgreSQL for all, with one array for each column. For engines.
[[nodiscard]] LARES_EXPORT std::string to_engine_sql(const InsertMany& statement, Engine engine);
[[nodiscard]] LARES_EXPORT std::string to_engine_sql(const ChangeMany& statement, Engine engine);
/// The parameters of `where` come first, then those of the keys. On PostgreSQL the first column of the result
/// is the index of the key, from 0; on SQLite there is none.
[[nodiscard]] LARES_EXPORT std::string to_engine_sql(const LookupMany& statement, Engine engine);

}  // namespace lares::storage
