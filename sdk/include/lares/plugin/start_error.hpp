// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <stdexcept>
#include <string>

namespace lares {

/// Why a process cannot start, as a sentence for an administrator: what is wrong, where, and what to do about
/// it.
///
/// **Errors**: `Configuration` ends the process with exit code 78, which service managers are told not to
/// retry; `Environment` (a database that does not answer, a port that is taken) with 1, after which a new
/// start may succeed.
class LARES_EXPORT StartError : public std::runtime_error {
 public:
  enum class Cause { Configuration, Environment };

  explicit StartError(const std::string& sentence, Cause cause = Cause::Environment);
  ~StartError() override;

  [[nodiscard]] Cause cause() const noexcept { return cause_; }
  [[nodiscard]] int exit_code() const noexcept;

 private:
  Cause cause_;
};

}  // namespace lares
