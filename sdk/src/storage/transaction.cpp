// SPDX-License-Identifier: Apache-2.0
#include <lares/storage/transaction.hpp>

#include <lares/storage/errors.hpp>

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "statement_times.hpp"

namespace lares::storage {

namespace {

// Statements over many rows, as one would write them for one.
std::string names(const Columns& columns, std::string_view between) {
  std::string text;
  for (const Column& column : columns) {
    text += fmt::format("{}{}", text.empty() ? std::string_view{} : between, column.name);
  }
  return text;
}

std::string described(const LookupMany& many) {
  return fmt::format("SELECT {} FROM {} WHERE ({}) IN (...){}{}", many.select, many.from,
                     names(many.keys, ", "), many.where.empty() ? "" : " AND ", many.where);
}

std::string described(const InsertMany& many) {
  return fmt::format("INSERT INTO {} ({}) VALUES (...){}{}", many.table, names(many.columns, ", "),
                     many.on_conflict.empty() ? "" : " ", many.on_conflict);
}

std::string described(const ChangeMany& many) {
  return many.set.size() == 0
             ? fmt::format("DELETE FROM {} WHERE ({}) IN (...)", many.table, names(many.keys, ", "))
             : fmt::format("UPDATE {} SET {} WHERE ({}) IN (...)", many.table, names(many.set, ", "),
                           names(many.keys, ", "));
}

}  // namespace

Row::~Row() = default;
ReadTransaction::~ReadTransaction() = default;
WriteTransaction::~WriteTransaction() = default;

void ReadTransaction::timed_query(const Statement& statement, std::span<const Argument> arguments,
                                  RowSink sink) {
  const StatementTimes::Scope timed{times_, statement.verb(), [&] { return statement.text(engine()); }};
  query(statement, arguments, sink);
}

void ReadTransaction::timed_lookup(const LookupMany& statement, std::span<const Argument> keys,
                                   std::span<const Argument> extra, LookupSink sink) {
  const StatementTimes::Scope timed{times_, Verb::Select, [&] { return described(statement); }};
  lookup(statement, keys, extra, sink);
}

std::int64_t WriteTransaction::timed_execute(const Statement& statement,
                                             std::span<const Argument> arguments) {
  const StatementTimes::Scope timed{times_, statement.verb(), [&] { return statement.text(engine()); }};
  return execute(statement, arguments);
}

std::int64_t WriteTransaction::timed_insert(const InsertMany& statement, std::span<const Argument> cells) {
  const StatementTimes::Scope timed{times_, Verb::Insert, [&] { return described(statement); }};
  return insert(statement, cells);
}

std::int64_t WriteTransaction::timed_change(const ChangeMany& statement, std::span<const Argument> cells) {
  const StatementTimes::Scope timed{times_, statement.set.size() == 0 ? Verb::Delete : Verb::Update,
                                    [&] { return described(statement); }};
  return change(statement, cells);
}

void ReadTransaction::refuse_second_row(bool found) {
  if (found) {
    throw StatementError{"A statement that was to give one row gave several."};
  }
}

void ReadTransaction::no_row(const Statement& statement) {
  throw StatementError{
      fmt::format("A statement that was to give one row gave none: {}", statement.text(Engine::Sqlite))};
}

void ReadTransaction::check_width(std::size_t cells, std::size_t width) {
  if (cells % width != 0) {
    throw StatementError{fmt::format("Rows of {} columns were given {} values.", width, cells)};
  }
}

}  // namespace lares::storage
