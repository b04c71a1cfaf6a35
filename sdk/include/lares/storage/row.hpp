// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lares::storage {

/// One row of a result; columns count from 0 in the order of the SELECT or RETURNING list. Nothing is copied.
///
/// **Lifetime**: the row and every view it gives are valid until the callback that received it returns.
/// **Errors**: StatementError for a column that is not there, holds NULL (except with `null` and the optional
/// forms) or has another type. On SQLite a whole REAL is not an integer either: CAST what you compute.
class LARES_EXPORT Row {
 public:
  [[nodiscard]] virtual std::int64_t i64(int column) const = 0;
  [[nodiscard]] virtual double real(int column) const = 0;
  [[nodiscard]] virtual bool boolean(int column) const = 0;
  /// A TEXT column.
  [[nodiscard]] virtual std::string_view text(int column) const = 0;
  /// A `{bytes}` column.
  [[nodiscard]] virtual std::string_view bytes(int column) const = 0;
  [[nodiscard]] virtual bool null(int column) const = 0;
  [[nodiscard]] virtual int columns() const noexcept = 0;

  [[nodiscard]] std::optional<std::int64_t> maybe_i64(int column) const {
    return null(column) ? std::nullopt : std::optional{i64(column)};
  }
  [[nodiscard]] std::optional<std::string_view> maybe_text(int column) const {
    return null(column) ? std::nullopt : std::optional{text(column)};
  }
  [[nodiscard]] std::optional<std::string_view> maybe_bytes(int column) const {
    return null(column) ? std::nullopt : std::optional{bytes(column)};
  }
  /// Copies, for what outlives the row.
  [[nodiscard]] std::string text_copy(int column) const { return std::string{text(column)}; }
  [[nodiscard]] std::string bytes_copy(int column) const { return std::string{bytes(column)}; }

  Row(const Row&) = delete;
  Row& operator=(const Row&) = delete;

 protected:
  Row() = default;
  virtual ~Row();
};

}  // namespace lares::storage
