// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/storage/errors.hpp>

#include <libpq-fe.h>

#include <string>

namespace lares::storage::postgres {

/// The transaction lost to another one and is run again. Never leaves the engine.
class Conflict final : public Error {
 public:
  using Error::Error;
  ~Conflict() override = default;
};

/// The connection is gone, or as good as gone. Never leaves the engine.
class ConnectionLost final : public Error {
 public:
  using Error::Error;
  ~ConnectionLost() override = default;
};

/// Throws what a failed result means.
[[noreturn]] void fail(const PGresult* result, const std::string& sql);

}  // namespace lares::storage::postgres
