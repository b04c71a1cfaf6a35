// SPDX-License-Identifier: Apache-2.0
#include <lares/storage/dialect.hpp>

#include <lares/storage/errors.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>

namespace lares::storage {

namespace {

struct Word {
  std::string_view name;
  std::string_view sqlite;
  std::string_view postgres;
};

constexpr std::array<Word, 4> kWords{{
    {"id", "INTEGER PRIMARY KEY", "BIGINT PRIMARY KEY"},
    {"bytes", "BLOB", "BYTEA"},
    {"search", "TEXT", "TSVECTOR"},
    {"clustered", "WITHOUT ROWID", ""},
}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kStrictTypes{{
    {"BIGINT", "INTEGER"},
    {"BOOLEAN", "INTEGER"},
    {"DOUBLE PRECISION", "REAL"},
    {"SMALLINT", "INTEGER"},
}};

bool is_word_character(char c) noexcept {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// Calls `plain` for the stretches outside quotes and copies the quoted ones.
template <class Plain>
std::string outside_quotes(std::string_view sql, Plain plain) {
  std::string out;
  out.reserve(sql.size() + 16);
  std::size_t at = 0;
  while (at < sql.size()) {
    const std::size_t quote = std::min(sql.find_first_of("'\"", at), sql.size());
    plain(out, sql.substr(at, quote - at));
    if (quote == sql.size()) {
      break;
    }
    const std::size_t end = std::min(sql.find(sql[quote], quote + 1), sql.size() - 1);
    out.append(sql.substr(quote, end - quote + 1));
    at = end + 1;
  }
  return out;
}

std::string fill_in_words(std::string_view sql, Engine engine) {
  return outside_quotes(sql, [engine](std::string& out, std::string_view part) {
    std::size_t at = 0;
    while (at < part.size()) {
      const std::size_t brace = std::min(part.find('{', at), part.size());
      out.append(part.substr(at, brace - at));
      if (brace == part.size()) {
        return;
      }
      const std::size_t end = part.find('}', brace);
      const std::string_view name =
          part.substr(brace + 1, end == std::string_view::npos ? end : end - brace - 1);
      const auto* const word = std::ranges::find(kWords, name, &Word::name);
      if (end == std::string_view::npos || word == kWords.end()) {
        throw StatementError{fmt::format("'{{{}}}' is no word of the SQL dialect.", name)};
      }
      out.append(engine == Engine::Sqlite ? word->sqlite : word->postgres);
      at = end + 1;
    }
  });
}

std::string with_strict_types(std::string_view sql) {
  return outside_quotes(sql, [](std::string& out, std::string_view part) {
    std::size_t at = 0;
    while (at < part.size()) {
      const auto* type = kStrictTypes.end();
      if (at == 0 || !is_word_character(part[at - 1])) {
        type = std::ranges::find_if(kStrictTypes, [&](const auto& candidate) {
          const std::string_view name = candidate.first;
          return part.substr(at).starts_with(name) &&
                 (at + name.size() == part.size() || !is_word_character(part[at + name.size()]));
        });
      }
      if (type == kStrictTypes.end()) {
        out.push_back(part[at++]);
      } else {
        out.append(type->second);
        at += type->first.size();
      }
    }
  });
}

std::string_view without_trailing_space(std::string_view text) {
  while (!text.empty() &&
         (std::isspace(static_cast<unsigned char>(text.back())) != 0 || text.back() == ';')) {
    text.remove_suffix(1);
  }
  return text;
}

std::string_view postgres_array(ColumnType type) {
  switch (type) {
    case ColumnType::Integer:
      return "bigint[]";
    case ColumnType::Real:
      return "double precision[]";
    case ColumnType::Boolean:
      return "boolean[]";
    case ColumnType::Text:
      return "text[]";
    case ColumnType::Bytes:
      return "bytea[]";
  }
  return "";
}

// "a, b", made of each column and its index.
template <class Format>
std::string list(const Columns& columns, Format format, std::string_view separator = ", ") {
  std::string out;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i != 0) {
      out.append(separator);
    }
    out.append(format(columns[i], i));
  }
  return out;
}

std::string array_parameters(const Columns& columns, std::size_t first) {
  return list(columns, [first](const Column& column, std::size_t i) {
    return fmt::format("${}::{}", first + i, postgres_array(column.type));
  });
}

std::string aliases(const Columns& columns, std::size_t first) {
  return list(columns, [first](const Column&, std::size_t i) { return fmt::format("c{}", first + i); });
}

}  // namespace

std::string to_engine_sql(std::string_view sql, Engine engine) {
  std::string out = fill_in_words(sql, engine);
  const std::string_view trimmed = without_trailing_space(out);
  const bool creates = trimmed.starts_with("CREATE TABLE");
  if (engine != Engine::Sqlite || !(creates || trimmed.starts_with("ALTER TABLE"))) {
    return out;
  }
  std::string strict = with_strict_types(trimmed);
  if (creates) {
    strict.append(strict.ends_with("WITHOUT ROWID") ? ", STRICT" : " STRICT");
  }
  return strict;
}

std::string to_engine_sql(const InsertMany& statement, Engine engine) {
  const Columns& columns = statement.columns;
  const std::string names =
      list(columns, [](const Column& column, std::size_t) { return std::string{column.name}; });
  if (engine == Engine::Sqlite) {
    const std::string values =
        list(columns, [](const Column&, std::size_t i) { return fmt::format("${}", i + 1); });
    return fmt::format("INSERT INTO {} ({}) VALUES ({}) {}", statement.table, names, values,
                       statement.on_conflict);
  }
  return fmt::format("INSERT INTO {} ({}) SELECT * FROM unnest({}) {}", statement.table, names,
                     array_parameters(columns, 1), statement.on_conflict);
}

std::string to_engine_sql(const ChangeMany& statement, Engine engine) {
  const std::size_t keys = statement.keys.size();
  const bool deletes = statement.set.size() == 0;
  if (engine == Engine::Sqlite) {
    const std::string where = list(
        statement.keys,
        [](const Column& key, std::size_t i) { return fmt::format("{} = ${}", key.name, i + 1); }, " AND ");
    if (deletes) {
      return fmt::format("DELETE FROM {} WHERE {}", statement.table, where);
    }
    const std::string set = list(statement.set, [keys](const Column& column, std::size_t i) {
      return fmt::format("{} = ${}", column.name, keys + i + 1);
    });
    return fmt::format("UPDATE {} SET {} WHERE {}", statement.table, set, where);
  }
  const std::string where = list(
      statement.keys,
      [](const Column& key, std::size_t i) { return fmt::format("t.{} = k.c{}", key.name, i + 1); }, " AND ");
  if (deletes) {
    return fmt::format("DELETE FROM {} t USING unnest({}) AS k({}) WHERE {}", statement.table,
                       array_parameters(statement.keys, 1), aliases(statement.keys, 1), where);
  }
  const std::string set = list(statement.set, [keys](const Column& column, std::size_t i) {
    return fmt::format("{} = k.c{}", column.name, keys + i + 1);
  });
  return fmt::format("UPDATE {} t SET {} FROM unnest({}, {}) AS k({}, {}) WHERE {}", statement.table, set,
                     array_parameters(statement.keys, 1), array_parameters(statement.set, keys + 1),
                     aliases(statement.keys, 1), aliases(statement.set, keys + 1), where);
}

std::string to_engine_sql(const LookupMany& statement, Engine engine) {
  const auto extra = static_cast<std::size_t>(detail::parameter_count(statement.where));
  std::string also;
  if (!statement.where.empty()) {
    also = fmt::format(" AND ({})", statement.where);
  }
  if (engine == Engine::Sqlite) {
    const std::string where = list(
        statement.keys,
        [extra](const Column& key, std::size_t i) {
          return fmt::format("{} = ${}", key.name, extra + i + 1);
        },
        " AND ");
    return fmt::format("SELECT {} FROM {} WHERE {}{}", statement.select, statement.from, where, also);
  }
  const std::string where = list(
      statement.keys,
      [](const Column& key, std::size_t i) { return fmt::format("{} = k.c{}", key.name, i + 1); }, " AND ");
  return fmt::format("SELECT k.n - 1, {} FROM unnest({}) WITH ORDINALITY AS k({}, n), {} WHERE {}{}",
                     statement.select, array_parameters(statement.keys, extra + 1),
                     aliases(statement.keys, 1), statement.from, where, also);
}

}  // namespace lares::storage
