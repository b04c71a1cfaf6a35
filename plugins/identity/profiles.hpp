// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/cache.hpp>
#include <lares/service/profiles.hpp>
#include <lares/storage/database.hpp>
#include <lares/storage/intern.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace lares::identity {

/// Display names and avatars of local users. Where other processes share the database, they are read there
/// each time.
class Profiles final : public service::Profiles {
 public:
  Profiles(TaskGroup& group, storage::Database& database, const std::string& server_name,
           bool other_processes);

  Task<std::optional<service::Profile>> profile(matrix::UserId user) override;
  /// Sets one field, or with nothing removes it, and notes that the user's rooms are to be told.
  Task<void> set_displayname(std::int64_t account, const matrix::UserId& user,
                             std::optional<std::string> name, std::int64_t now_ts);
  Task<void> set_avatar_url(std::int64_t account, const matrix::UserId& user, std::optional<std::string> url,
                            std::int64_t now_ts);
  /// The profile was changed by other means.
  void forget(const matrix::UserId& user) { profiles_.invalidate(user.str()); }

 private:
  Task<std::optional<service::Profile>> load(std::string user_id);

  storage::Database& database_;
  const bool other_processes_;
  Cache<std::string, std::optional<service::Profile>> profiles_;
};

}  // namespace lares::identity
