// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session.hpp"

#include <lares/storage/argument.hpp>

#include <cstddef>
#include <deque>
#include <span>
#include <string>
#include <vector>

namespace lares::storage::postgres {

/// Arguments in PostgreSQL's binary form, each as the type that the server gave its parameter. What is there
/// as bytes already is not copied.
/// **Errors**: StatementError for an argument of another type, since PostgreSQL would read its bytes as
/// something else.
class Parameters {
 public:
  explicit Parameters(const PreparedStatement& statement) : statement_{statement} {}

  void add(const Argument& argument);
  /// An array of one column of `cells`, which are rows of `width`.
  void add_column(std::span<const Argument> cells, std::size_t column, std::size_t width);

  /// **Errors**: StatementError unless every parameter was given.
  [[nodiscard]] std::span<const Parameter> complete() const;

 private:
  [[nodiscard]] Oid next_type() const;
  Parameter keep(std::string bytes);

  const PreparedStatement& statement_;
  std::vector<Parameter> values_;
  std::deque<std::string> kept_;
};

}  // namespace lares::storage::postgres
