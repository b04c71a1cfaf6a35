// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <stdexcept>
#include <string>

namespace lares {

/// What a process ends with when its configuration or surroundings do not allow it to start (sysexits.h,
/// EX_CONFIG).
inline constexpr int kExitConfig = 78;

/// The process cannot start as it is configured. The text is one sentence for an administrator: what is
/// wrong, where (file and key if there are any), what was expected. main() prints it and ends with
/// exit_code().
class LARES_EXPORT StartError : public std::runtime_error {
 public:
  explicit StartError(const std::string& sentence, int exit_code = kExitConfig);
  StartError(const StartError&) = default;
  StartError& operator=(const StartError&) = default;
  ~StartError() override;

  [[nodiscard]] int exit_code() const noexcept { return exit_code_; }

 private:
  int exit_code_;
};

/// A bounded queue had no room, so the work was refused before it began. Requests answer with
/// M_LIMIT_EXCEEDED.
class LARES_EXPORT QueueFull : public std::runtime_error {
 public:
  /// `queue` names the queue in logs.
  explicit QueueFull(const std::string& queue);
  QueueFull(const QueueFull&) = default;
  QueueFull& operator=(const QueueFull&) = default;
  ~QueueFull() override;
};

/// A deadline passed before the work was done.
class LARES_EXPORT TimeoutError : public std::runtime_error {
 public:
  explicit TimeoutError(const std::string& what);
  TimeoutError(const TimeoutError&) = default;
  TimeoutError& operator=(const TimeoutError&) = default;
  ~TimeoutError() override;
};

/// Whoever was to complete a promise went away without doing so.
class LARES_EXPORT BrokenPromise : public std::runtime_error {
 public:
  BrokenPromise();
  BrokenPromise(const BrokenPromise&) = default;
  BrokenPromise& operator=(const BrokenPromise&) = default;
  ~BrokenPromise() override;
};

}  // namespace lares
