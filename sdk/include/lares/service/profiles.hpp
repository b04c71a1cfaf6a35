// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/matrix/identifiers.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace lares::service {

/// A user's profile.
struct Profile {
  std::optional<std::string> displayname;
  std::optional<std::string> avatar_url;
  std::string fields = "{}";  ///< a JSON object of whatever else the user has put there
};

/// Profiles of local users. Provided by identity.
///
/// **Threads**: any.
class LARES_EXPORT Profiles {
 public:
  static constexpr std::string_view kServiceId = "lares.profiles/1";
  virtual ~Profiles();

  /// Empty fields where the user has none; nothing where there is no such local user.
  virtual Task<std::optional<Profile>> profile(matrix::UserId user) = 0;
};

}  // namespace lares::service
