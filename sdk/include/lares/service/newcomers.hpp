// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/matrix/identifiers.hpp>

#include <string_view>

namespace lares::service {

/// Brings users who have just registered into the rooms that the administrator has named for that.
///
/// **Threads**: any. **Errors**: none: a room that a user cannot be brought into is named in the log.
class LARES_EXPORT Newcomers {
 public:
  static constexpr std::string_view kServiceId = "lares.newcomers/1";
  virtual ~Newcomers();

  virtual Task<void> welcome(matrix::UserId user, bool guest) = 0;
};

}  // namespace lares::service
