// SPDX-License-Identifier: Apache-2.0
#include <lares/storage/errors.hpp>
#include <lares/storage/migration.hpp>

#include <utility>

namespace lares::storage {

Error::~Error() = default;

ConstraintViolation::ConstraintViolation(Constraint kind, std::string message)
    : Error{std::move(message)}, kind_{kind} {}
ConstraintViolation::~ConstraintViolation() = default;

Unavailable::~Unavailable() = default;
Overloaded::~Overloaded() = default;
Corrupt::~Corrupt() = default;
SnapshotTooOld::~SnapshotTooOld() = default;
CommitUnknown::~CommitUnknown() = default;
StatementError::~StatementError() = default;
MigrationError::~MigrationError() = default;

}  // namespace lares::storage
