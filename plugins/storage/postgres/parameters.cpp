// SPDX-License-Identifier: Apache-2.0
#include "parameters.hpp"

#include "binary.hpp"

#include <lares/storage/errors.hpp>

#include <fmt/format.h>

#include <limits>

namespace lares::storage::postgres {

namespace {

[[noreturn]] void mismatch(const PreparedStatement& statement, std::size_t index, Oid type) {
  throw StatementError{
      fmt::format("Argument {} does not fit the parameter, which is of PostgreSQL's type {}: {}", index + 1,
                  type, statement.sql)};
}

bool is_text(Oid type) noexcept {
  return type == oid::kText || type == oid::kVarchar || type == oid::kBpchar || type == oid::kName ||
         type == oid::kUnknown;
}

Oid element_of(Oid array) noexcept {
  switch (array) {
    case oid::kInt8Array:
      return oid::kInt8;
    case oid::kFloat8Array:
      return oid::kFloat8;
    case oid::kBoolArray:
      return oid::kBool;
    case oid::kTextArray:
      return oid::kText;
    case oid::kByteaArray:
      return oid::kBytea;
    default:
      return 0;
  }
}

// Appends what is not null and no text or bytes; false if it does not fit the type.
bool append_number(std::string& out, const Argument& argument, Oid type) {
  if (argument.kind() == ArgumentKind::Boolean) {
    if (type == oid::kBool) {
      out.push_back(static_cast<char>(argument.integer()));
    }
    return type == oid::kBool;
  }
  if (type == oid::kFloat8) {
    const double value =
        argument.kind() == ArgumentKind::Real ? argument.real() : static_cast<double>(argument.integer());
    append_network(out, std::bit_cast<std::uint64_t>(value));
    return true;
  }
  if (argument.kind() != ArgumentKind::Integer) {
    return false;
  }
  const std::int64_t value = argument.integer();
  switch (type) {
    case oid::kInt8:
      append_network(out, value);
      return true;
    case oid::kInt4:
      append_network(out, static_cast<std::int32_t>(value));
      return value >= std::numeric_limits<std::int32_t>::min() &&
             value <= std::numeric_limits<std::int32_t>::max();
    case oid::kInt2:
      append_network(out, static_cast<std::int16_t>(value));
      return value >= std::numeric_limits<std::int16_t>::min() &&
             value <= std::numeric_limits<std::int16_t>::max();
    default:
      return false;
  }
}

bool is_bytes_fit(const Argument& argument, Oid type) noexcept {
  return argument.kind() == ArgumentKind::Bytes ? type == oid::kBytea : is_text(type);
}

bool has_bytes(const Argument& argument) noexcept {
  return argument.kind() == ArgumentKind::Bytes || argument.kind() == ArgumentKind::Text;
}

}  // namespace

Oid Parameters::next_type() const {
  if (values_.size() >= statement_.parameters.size()) {
    throw StatementError{fmt::format("More arguments than parameters: {}", statement_.sql)};
  }
  return statement_.parameters[values_.size()];
}

Parameter Parameters::keep(std::string bytes) {
  const std::string& kept = kept_.emplace_back(std::move(bytes));
  return {.data = kept.data(), .length = static_cast<int>(kept.size())};
}

void Parameters::add(const Argument& argument) {
  const Oid type = next_type();
  if (argument.kind() == ArgumentKind::Null) {
    values_.push_back({});
    return;
  }
  if (has_bytes(argument)) {
    if (!is_bytes_fit(argument, type)) {
      mismatch(statement_, values_.size(), type);
    }
    const std::string_view view = argument.view();
    values_.push_back({.data = view.empty() ? "" : view.data(), .length = static_cast<int>(view.size())});
    return;
  }
  std::string bytes;
  if (!append_number(bytes, argument, type)) {
    mismatch(statement_, values_.size(), type);
  }
  values_.push_back(keep(std::move(bytes)));
}

void Parameters::add_column(std::span<const Argument> cells, std::size_t column, std::size_t width) {
  const Oid type = next_type();
  const Oid element = element_of(type);
  std::string bytes;
  // Array in binary form: dimensions, whether there are nulls, element type, length, lower bound, then the
  // elements.
  append_network(bytes, std::int32_t{1});
  append_network(bytes, std::int32_t{1});
  append_network(bytes, static_cast<std::uint32_t>(element));
  append_network(bytes, static_cast<std::int32_t>(cells.size() / width));
  append_network(bytes, std::int32_t{1});
  std::string number;
  for (std::size_t at = column; at < cells.size(); at += width) {
    const Argument& cell = cells[at];
    if (cell.kind() == ArgumentKind::Null) {
      append_network(bytes, std::int32_t{-1});
      continue;
    }
    std::string_view value = cell.view();
    if (!has_bytes(cell)) {
      number.clear();
      if (!append_number(number, cell, element)) {
        mismatch(statement_, values_.size(), type);
      }
      value = number;
    } else if (!is_bytes_fit(cell, element)) {
      mismatch(statement_, values_.size(), type);
    }
    append_network(bytes, static_cast<std::int32_t>(value.size()));
    bytes.append(value);
  }
  values_.push_back(keep(std::move(bytes)));
}

std::span<const Parameter> Parameters::complete() const {
  if (values_.size() != statement_.parameters.size()) {
    throw StatementError{fmt::format("{} arguments for {} parameters: {}", values_.size(),
                                     statement_.parameters.size(), statement_.sql)};
  }
  return values_;
}

}  // namespace lares::storage::postgres
