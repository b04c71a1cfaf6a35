// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>

#include <string>
#include <string_view>

namespace lares::service {

/// Users who have asked, when they left this server for good, that what they said be forgotten. Provided by
/// identity.
///
/// spec: Client-Server API, "Account deactivation", `erase`
/// **Threads**: any.
class LARES_EXPORT ErasedUsers {
 public:
  static constexpr std::string_view kServiceId = "lares.erased-users/1";
  virtual ~ErasedUsers();

  /// Whether it is such a user. Out of memory, as a rule; false for users of other servers.
  virtual Task<bool> erased(std::string user_id) = 0;
};

}  // namespace lares::service
