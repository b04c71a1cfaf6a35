// SPDX-License-Identifier: Apache-2.0
#include "erased_users.hpp"

#include <lares/storage/transaction.hpp>

#include <string_view>
#include <utility>

namespace lares::identity {

using storage::Bytes;

namespace {

constexpr storage::Statement kErased{"SELECT 1 FROM accounts WHERE user_id = $1 AND erased = TRUE"};

}  // namespace

ErasedUsers::ErasedUsers(TaskGroup& group, storage::Database& database, service::CacheStream& caches,
                         const std::string& server_name)
    : database_(database),
      caches_(caches),
      suffix_(":" + server_name),
      users_(group, {.name = "erased_users", .server_name = server_name, .max_size = 20'000}) {
  caches_.add(kCache, [this](std::string_view user) {
    if (user.empty()) {
      users_.invalidate_all();
    } else {
      users_.invalidate(std::string{user});
    }
  });
}

Task<bool> ErasedUsers::erased(std::string user_id) {
  if (!user_id.ends_with(suffix_)) {
    co_return false;
  }
  if (!caches_.connected()) {
    co_return co_await load(std::move(user_id));
  }
  co_return co_await users_.get(std::move(user_id),
                                [this](std::string user) { return load(std::move(user)); });
}

Task<bool> ErasedUsers::load(std::string user_id) {
  co_return co_await database_.read(
      "erased_user", [&user_id](storage::ReadTransaction& tx) { return tx.any(kErased, Bytes{user_id}); });
}

}  // namespace lares::identity
