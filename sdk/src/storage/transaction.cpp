// SPDX-License-Identifier: Apache-2.0
#include <lares/storage/transaction.hpp>

#include <lares/storage/errors.hpp>

#include <fmt/format.h>

namespace lares::storage {

Row::~Row() = default;
ReadTransaction::~ReadTransaction() = default;
WriteTransaction::~WriteTransaction() = default;

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
