// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/cache.hpp>
#include <lares/service/cache_stream.hpp>
#include <lares/service/erased_users.hpp>
#include <lares/storage/database.hpp>

#include <string>
#include <string_view>

namespace lares::identity {

/// The accounts of which `erased` is set. What is known is remembered; what other processes change is heard
/// of by the stream of caches.
class ErasedUsers final : public service::ErasedUsers {
 public:
  /// The cache's name in the stream of caches: who sets the mark invalidates the user's entry.
  static constexpr std::string_view kCache = "erased_users";

  ErasedUsers(TaskGroup& group, storage::Database& database, service::CacheStream& caches,
              const std::string& server_name);

  Task<bool> erased(std::string user_id) override;

 private:
  Task<bool> load(std::string user_id);

  storage::Database& database_;
  service::CacheStream& caches_;
  std::string suffix_;  // of this server's users
  Cache<std::string, bool> users_;
};

}  // namespace lares::identity
