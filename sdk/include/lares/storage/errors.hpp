// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace lares::storage {

/// What the database answered when a transaction did not commit. The text is for a log, never for a client.
class LARES_EXPORT Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  ~Error() override;
};

enum class Constraint : std::uint8_t { Unique, ForeignKey, NotNull, Check };

/// A row would break a constraint. A `Unique` violation means that somebody was faster; where that is
/// expected, write ON CONFLICT instead.
class LARES_EXPORT ConstraintViolation : public Error {
 public:
  ConstraintViolation(Constraint kind, std::string message);
  ~ConstraintViolation() override;
  [[nodiscard]] Constraint kind() const noexcept { return kind_; }

 private:
  Constraint kind_;
};

/// No connection, server shutting down, disk full, or a transaction that lost to others more often than it is
/// tried. Nothing of it was written; trying later may succeed.
class LARES_EXPORT Unavailable : public Error {
 public:
  using Error::Error;
  ~Unavailable() override;
};

/// The queue in front of the database is full. Nothing was run.
class LARES_EXPORT Overloaded : public Error {
 public:
  using Error::Error;
  ~Overloaded() override;
};

/// The database's files are damaged.
class LARES_EXPORT Corrupt : public Error {
 public:
  using Error::Error;
  ~Corrupt() override;
};

/// A read held its snapshot for longer than `kSnapshotLifetime`. Read in pages.
class LARES_EXPORT SnapshotTooOld : public Error {
 public:
  using Error::Error;
  ~SnapshotTooOld() override;
};

/// The connection died while COMMIT was under way: the transaction is there as a whole or not at all, and
/// nobody has said which. `Database::write_certain` finds out.
class LARES_EXPORT CommitUnknown : public Error {
 public:
  using Error::Error;
  ~CommitUnknown() override;
};

/// The statement is wrong: SQL that does not parse, an argument of another type than its column, a missing or
/// surplus argument, not exactly one row where `one` was asked for. A bug in the caller.
class LARES_EXPORT StatementError : public Error {
 public:
  using Error::Error;
  ~StatementError() override;
};

}  // namespace lares::storage
