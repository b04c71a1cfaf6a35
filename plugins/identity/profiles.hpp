// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/cache.hpp>
#include <lares/service/cache_stream.hpp>
#include <lares/service/profiles.hpp>
#include <lares/storage/database.hpp>
#include <lares/storage/intern.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace lares::identity {

/// Display names and avatars of local users. They are remembered; what other processes change is heard of by
/// the stream of caches.
class Profiles final : public service::Profiles {
 public:
  /// The cache's name in the stream of caches.
  static constexpr std::string_view kCache = "profiles";

  Profiles(TaskGroup& group, storage::Database& database, service::CacheStream& caches,
           const std::string& server_name);

  Task<std::optional<service::Profile>> profile(matrix::UserId user) override;
  /// Sets one field, or with nothing removes it, and notes that the user's rooms are to be told.
  Task<void> set_displayname(std::int64_t account, const matrix::UserId& user,
                             std::optional<std::string> name, std::int64_t now_ts);
  Task<void> set_avatar_url(std::int64_t account, const matrix::UserId& user, std::optional<std::string> url,
                            std::int64_t now_ts);
  /// Another field, as JSON; absent to remove it. **Errors**: MatrixError M_PROFILE_TOO_LARGE.
  Task<void> set_field(std::int64_t account, const matrix::UserId& user, std::string key,
                       std::optional<std::string> value, std::int64_t now_ts);

 private:
  Task<std::optional<service::Profile>> load(std::string user_id);

  storage::Database& database_;
  service::CacheStream& caches_;
  Cache<std::string, std::optional<service::Profile>> profiles_;
};

}  // namespace lares::identity
