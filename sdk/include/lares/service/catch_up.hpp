// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>

#include <string_view>

namespace lares::service {

/// What one process acknowledged no other denies: before this process says that something is not there or not
/// allowed, it takes up whatever the others have committed. Provided where there are other processes.
///
/// **Threads**: any.
class LARES_EXPORT CatchUp {
 public:
  static constexpr std::string_view kServiceId = "lares.catch-up/1";
  virtual ~CatchUp();

  /// Returns when this process has reached every stream's position as the database gives it now. True if it
  /// had not before: what was judged may be judged again.
  /// **Errors**: MatrixError 503 where it does not get there in time; those of the database.
  virtual Task<bool> catch_up() = 0;
};

}  // namespace lares::service
