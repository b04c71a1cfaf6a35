// SPDX-License-Identifier: Apache-2.0
#include <lares/storage/transaction.hpp>

#include <lares/storage/errors.hpp>

#include <fmt/format.h>

#include "statement_times.hpp"

namespace lares::storage {

Row::~Row() = default;
ReadTransaction::~ReadTransaction() = default;
WriteTransaction::~WriteTransaction() = default;

void ReadTransaction::timed_query(const Statement& statement, std::span<const Argument> arguments,
                                  RowSink sink) {
  const StatementTimes::Scope timed{times_, statement.verb()};
  query(statement, arguments, sink);
}

void ReadTransaction::timed_lookup(const LookupMany& statement, std::span<const Argument> keys,
                                   std::span<const Argument> extra, LookupSink sink) {
  const StatementTimes::Scope timed{times_, Verb::Select};
  lookup(statement, keys, extra, sink);
}

std::int64_t WriteTransaction::timed_execute(const Statement& statement,
                                             std::span<const Argument> arguments) {
  const StatementTimes::Scope timed{times_, statement.verb()};
  return execute(statement, arguments);
}

std::int64_t WriteTransaction::timed_insert(const InsertMany& statement, std::span<const Argument> cells) {
  const StatementTimes::Scope timed{times_, Verb::Insert};
  return insert(statement, cells);
}

std::int64_t WriteTransaction::timed_change(const ChangeMany& statement, std::span<const Argument> cells) {
  const StatementTimes::Scope timed{times_, statement.set.size() == 0 ? Verb::Delete : Verb::Update};
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
