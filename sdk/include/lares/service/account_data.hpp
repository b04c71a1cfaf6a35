// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace lares::service {

/// Account data of local users, for the server's own decisions.
///
/// spec: Client-Server API, "Client Config"
/// **Threads**: any.
class LARES_EXPORT AccountData {
 public:
  static constexpr std::string_view kServiceId = "lares.account-data/1";
  virtual ~AccountData();

  /// The content (JSON object) of a user's global account data of a type; null if there is none.
  virtual Task<std::shared_ptr<const std::string>> global(std::int64_t user, std::string type) = 0;

  /// The ids of the users whom a user ignores (`m.ignored_user_list`); never null.
  virtual Task<std::shared_ptr<const std::unordered_set<std::string>>> ignored(std::int64_t user) = 0;

  /// Of many users, given ascending, those who ignore somebody, in the same order.
  virtual Task<std::vector<std::pair<std::int64_t, std::shared_ptr<const std::unordered_set<std::string>>>>>
  ignoring_among(std::shared_ptr<const std::vector<std::int64_t>> users) = 0;

  /// Writes a user's global account data as if the user had put it.
  virtual Task<void> put_global(std::int64_t user, std::string user_id, std::string type,
                                std::string content) = 0;
};

/// Told in every process when a user's list of ignored users has become another, once AccountData gives the
/// new one and before that is announced. Joined (`services.join<IgnoredListWatcher>(*this)`).
///
/// **Threads**: any.
class LARES_EXPORT IgnoredListWatcher {
 public:
  static constexpr std::string_view kServiceId = "lares.ignored-list-watcher/1";
  virtual ~IgnoredListWatcher();

  virtual Task<void> ignored_list_changed(std::int64_t user) = 0;
};

}  // namespace lares::service
