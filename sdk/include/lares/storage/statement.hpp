// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lares::storage {

enum class Engine : std::uint8_t { Sqlite, Postgres };

/// What a statement does, by its first word: the kinds that `synapse_storage_query_time` tells apart.
enum class Verb : std::uint8_t { Select, Insert, Update, Delete, With, Other };

/// SQL in the dialect that both engines share, or, where they are truly apart, one text for each, side by
/// side.
///
/// The dialect is what SQLite 3.40 and PostgreSQL 15 have in common: `$1`.. `$n` as parameters, ON CONFLICT,
/// RETURNING, row values, common table expressions, window functions, TRUE and FALSE; column types BIGINT,
/// TEXT, BOOLEAN and DOUBLE PRECISION; and words that each engine fills in:
///
/// | word          | SQLite                        | PostgreSQL           | for |
/// |---------------|-------------------------------|----------------------|----------------------------------------------|
/// | `{id}`        | INTEGER PRIMARY KEY           | BIGINT PRIMARY KEY   | a number that is the row's key |
/// | `{bytes}`     | BLOB                          | BYTEA                | whatever a client or a server
/// sent           | | `{search}`    | TEXT                          | TSVECTOR             | what a text
/// search looks through             | | `{clustered}` | WITHOUT ROWID                 | nothing | after the
/// `)` of a table kept in key order   |
///
/// In a query an untyped literal next to a `{bytes}` column is text on SQLite and equals nothing: bind it, or
/// write it as a blob literal per engine. Sums are CAST to BIGINT, since PostgreSQL makes them NUMERIC.
struct Sql {
  std::string_view sqlite;
  std::string_view postgres;

  consteval Sql(const char* shared) : sqlite{shared}, postgres{shared} {}
  consteval Sql(const char* for_sqlite, const char* for_postgres)
      : sqlite{for_sqlite}, postgres{for_postgres} {}

  [[nodiscard]] constexpr std::string_view text(Engine engine) const noexcept {
    return engine == Engine::Sqlite ? sqlite : postgres;
  }

 protected:
  friend class Statement;
  constexpr Sql(std::string_view shared, int) noexcept : sqlite{shared}, postgres{shared} {}
};

namespace detail {
/// The highest n of the `$n` in a text; quoted text does not count.
constexpr int parameter_count(std::string_view sql) noexcept {
  int highest = 0;
  char quote = 0;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    const char c = sql[i];
    if (quote != 0) {
      quote = c == quote ? char{0} : quote;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '$') {
      int n = 0;
      while (i + 1 < sql.size() && sql[i + 1] >= '0' && sql[i + 1] <= '9') {
        n = n * 10 + (sql[++i] - '0');
      }
      highest = n > highest ? n : highest;
    }
  }
  return highest;
}

constexpr Verb verb_of(std::string_view sql) noexcept {
  const std::string_view word = sql.substr(0, sql.find(' '));
  return word == "SELECT"   ? Verb::Select
         : word == "INSERT" ? Verb::Insert
         : word == "UPDATE" ? Verb::Update
         : word == "DELETE" ? Verb::Delete
         : word == "WITH"   ? Verb::With
                            : Verb::Other;
}

/// FNV-1a over texts, each with its end.
class Identity {
 public:
  constexpr Identity& add(std::string_view text) noexcept {
    for (const char c : text) {
      step(static_cast<unsigned char>(c));
    }
    step(0x100);
    return *this;
  }
  constexpr Identity& add(std::uint64_t number) noexcept {
    step(number);
    return *this;
  }
  [[nodiscard]] constexpr std::uint64_t value() const noexcept { return value_; }

 private:
  constexpr void step(std::uint64_t unit) noexcept { value_ = (value_ ^ unit) * 0x100000001b3ULL; }
  std::uint64_t value_ = 0xcbf29ce484222325ULL;
};
}  // namespace detail

/// One statement of SQL, written once as a constant, prepared once per connection and bound without
/// formatting:
///
///     constexpr Statement kFindDevice{"SELECT display_name FROM devices WHERE user_id = $1 AND device_id =
///     $2"};
///
/// **Threads**: any; it never changes.
class LARES_EXPORT Statement {
 public:
  consteval Statement(const char* shared) : Statement{Sql{shared}} {}
  consteval Statement(Sql sql)
      : sql_{sql},
        sqlite_parameters_{detail::parameter_count(sql.sqlite)},
        postgres_parameters_{detail::parameter_count(sql.postgres)},
        verb_{detail::verb_of(sql.sqlite)} {}

  /// A statement made at start out of declarations, such as a table's purge. Its text is kept for the life of
  /// the process, so nothing that comes with a request may be part of it. Equal texts give the same
  /// statement.
  static const Statement& generated(std::string text);

  [[nodiscard]] constexpr std::string_view text(Engine engine) const noexcept { return sql_.text(engine); }
  [[nodiscard]] constexpr int parameters(Engine engine) const noexcept {
    return engine == Engine::Sqlite ? sqlite_parameters_ : postgres_parameters_;
  }
  [[nodiscard]] constexpr Verb verb() const noexcept { return verb_; }

 private:
  constexpr Statement(std::string_view kept, int) noexcept
      : sql_{kept, 0},
        sqlite_parameters_{detail::parameter_count(kept)},
        postgres_parameters_{sqlite_parameters_},
        verb_{detail::verb_of(kept)} {}

  Sql sql_;
  int sqlite_parameters_;
  int postgres_parameters_;
  Verb verb_;
};

/// The type of a column in a statement over many rows.
enum class ColumnType : std::uint8_t { Integer, Real, Boolean, Text, Bytes };

struct Column {
  std::string_view name;
  ColumnType type = ColumnType::Integer;
};

/// Most columns in a statement over many rows.
inline constexpr std::size_t kMaxManyColumns = 24;

/// A fixed list of columns that can stand in a constant.
class Columns {
 public:
  constexpr Columns() = default;
  template <std::size_t N>
    requires(N >= 1 && N <= kMaxManyColumns)
  constexpr Columns(const Column (&columns)[N]) : size_{N} {
    for (std::size_t i = 0; i < N; ++i) {
      columns_[i] = columns[i];
    }
  }

  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
  [[nodiscard]] constexpr const Column& operator[](std::size_t index) const noexcept {
    return columns_[index];
  }
  [[nodiscard]] constexpr const Column* begin() const noexcept { return columns_.data(); }
  [[nodiscard]] constexpr const Column* end() const noexcept { return columns_.data() + size_; }
  [[nodiscard]] constexpr std::uint64_t identity() const noexcept {
    detail::Identity identity;
    for (const Column& column : *this) {
      identity.add(column.name).add(static_cast<std::uint64_t>(column.type));
    }
    return identity.value();
  }

 private:
  std::array<Column, kMaxManyColumns> columns_{};
  std::size_t size_ = 0;
};

/// An INSERT of many rows in one call: arrays and unnest on PostgreSQL, one prepared statement in a loop on
/// SQLite.
///
///     constexpr InsertMany kInsertEdges{"event_edges", {{{"event", ColumnType::Integer}, {"prev",
///     ColumnType::Integer}}},
///                                       "ON CONFLICT DO NOTHING"};
///
/// With ON CONFLICT ... DO UPDATE no two rows of one call may have the same key: PostgreSQL refuses that.
struct InsertMany {
  std::string_view table;
  Columns columns;
  std::string_view on_conflict = "";
  /// What engines know the statement by; left as it is.
  std::uint64_t identity =
      detail::Identity{}.add("insert").add(table).add(columns.identity()).add(on_conflict).value();
};

/// An UPDATE or DELETE of many rows by key in one call. The key columns come first in each row of arguments,
/// then the columns to set. Without columns to set the rows are deleted.
///
///     constexpr ChangeMany kForgetEdges{"event_edges", {{{"event", ColumnType::Integer}}}};
struct ChangeMany {
  std::string_view table;
  Columns keys;
  Columns set = {};
  std::uint64_t identity =
      detail::Identity{}.add("change").add(table).add(keys.identity()).add(set.identity()).value();
};

/// A look-up of many keys in one call.
///
///     constexpr LookupMany kFindUsers{.select = "u.number", .from = "users u",
///                                     .keys = {{{"u.user_id", ColumnType::Bytes}}}};
///
/// `where` may add a condition on `$1`.. `$n`, which the extra arguments of the call fill in.
struct LookupMany {
  std::string_view select;
  std::string_view from;
  Columns keys;
  std::string_view where = "";
  std::uint64_t identity =
      detail::Identity{}.add("lookup").add(select).add(from).add(keys.identity()).add(where).value();
};

}  // namespace lares::storage
