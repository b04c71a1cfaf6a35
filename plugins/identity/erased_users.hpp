// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/cache.hpp>
#include <lares/matrix/identifiers.hpp>
#include <lares/service/cache_stream.hpp>
#include <lares/service/erased_users.hpp>
#include <lares/storage/database.hpp>

#include <cstdint>
#include <string>

namespace lares::identity {

/// The accounts of which `erased` is set. What is known is remembered; what other processes change is heard
/// of by the stream of caches.
class ErasedUsers final : public service::ErasedUsers {
 public:
  ErasedUsers(TaskGroup& group, storage::Database& database, service::CacheStream& caches,
              const std::string& server_name);

  Task<bool> erased(std::string user_id) override;
  /// Tells every process that the user's account has changed.
  Task<void> changed(matrix::UserId user, std::int64_t now_ts);

 private:
  Task<bool> load(std::string user_id);

  storage::Database& database_;
  service::CacheStream& caches_;
  std::string suffix_;  // of this server's users
  Cache<std::string, bool> users_;
};

}  // namespace lares::identity
