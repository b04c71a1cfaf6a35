// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/cache.hpp>
#include <lares/async/task.hpp>
#include <lares/matrix/push_rules.hpp>
#include <lares/storage/database.hpp>
#include <lares/storage/intern.hpp>
#include <lares/stream/stream_number.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lares::push_rules {

/// The rules of a user who has changed some.
struct UserRules {
  UserRules(matrix::PushRuleset set, std::string_view user_id, std::int64_t at, stream::WriterNumber by)
      : ruleset(std::move(set)), compiled(ruleset, user_id), position(at), writer(by) {}

  matrix::PushRuleset ruleset;
  matrix::PushRules compiled;
  std::int64_t position;  ///< of the last change, in the stream of push rules
  stream::WriterNumber writer;
};
/// Null: the predefined rules as they are, since ever.
using UserRulesPtr = std::shared_ptr<const UserRules>;

/// The rules of local users, out of memory and the database.
///
/// **Threads**: any.
class UserRulesCache {
 public:
  UserRulesCache(TaskGroup& loads, storage::Database& database, storage::Interner& interner,
                 const std::string& server_name);

  Task<UserRulesPtr> rules(std::int64_t user);
  /// From the database, for what must not rest on a cache.
  Task<UserRulesPtr> rules_now(std::int64_t user);
  /// Of many users those who have changed theirs; nothing is kept of the others.
  Task<std::vector<std::pair<std::int64_t, UserRulesPtr>>> changed_among(
      std::shared_ptr<const std::vector<std::int64_t>> users);

  void invalidate(std::int64_t user) { cache_.invalidate(user); }

 private:
  struct Found {
    std::int64_t user;
    std::string text;
    std::int64_t position;
    stream::WriterNumber writer;
  };
  Task<std::vector<std::pair<std::int64_t, UserRulesPtr>>> make(std::vector<Found> found);

  storage::Database& database_;
  storage::Interner& interner_;
  Cache<std::int64_t, UserRulesPtr> cache_;
};

}  // namespace lares::push_rules
