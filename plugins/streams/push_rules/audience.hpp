// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/cache.hpp>
#include <lares/async/task.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/account_data.hpp>
#include <lares/service/rooms.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "user_rules.hpp"

namespace lares::push_rules {

/// A member whose rules are not the predefined ones.
struct Listener {
  std::int64_t user = 0;
  UserRulesPtr rules;
  std::string display_name;  ///< in the room, where a rule asks for it
};

using IgnoredPtr = std::shared_ptr<const std::unordered_set<std::string>>;

/// A member who ignores somebody.
struct Ignoring {
  std::int64_t user = 0;
  IgnoredPtr ignored;  ///< user ids; not empty
};

/// Who in a room may hear something else of an event than the others: what evaluating an event's rules needs
/// beside the event.
struct Audience {
  std::vector<Listener> listeners;                          ///< by user, ascending
  std::vector<Ignoring> ignoring;                           ///< by user, ascending
  std::vector<std::int64_t> unread;                         ///< came since; their rules are still to be read
  std::shared_ptr<const std::vector<std::int64_t>> joined;  ///< null: to be asked for again
  bool needs_power_levels = false;
  bool needs_related_events = false;
};
using AudiencePtr = std::shared_ptr<const Audience>;

/// The audiences of rooms. Members with the predefined rules stand in none, so a room's costs what its
/// listeners cost, however many it has beside them.
///
/// **Threads**: any; `audience` and `member_changed` of one room from the loop that persists its events.
class Audiences final : public service::IgnoredListWatcher {
 public:
  Audiences(TaskGroup& loads, Server& server, UserRulesCache& rules, storage::Interner& interner,
            service::Rooms& rooms);

  /// The audience as the last committed event left it.
  Task<AudiencePtr> audience(std::int64_t room, matrix::RoomId room_id);
  /// A member event of the room was committed: `in` if the user is joined now.
  void member_changed(std::int64_t room, std::int64_t user, bool in);
  /// A user's rules have changed: `rules.invalidate` has been called.
  Task<void> rules_changed(std::int64_t user);
  Task<void> ignored_list_changed(std::int64_t user) override { return rules_changed(user); }

  /// A listener by the rules as they are; nothing for a user with the predefined ones.
  Task<std::optional<Listener>> listener(std::int64_t user, UserRulesPtr rules, matrix::RoomId room_id);
  /// Whom a local user ignores; null for nobody.
  Task<IgnoredPtr> ignored_by(std::int64_t user);

 private:
  Task<AudiencePtr> load(std::int64_t room, matrix::RoomId room_id);
  Task<AudiencePtr> refreshed(AudiencePtr old, std::int64_t room, matrix::RoomId room_id);
  [[nodiscard]] std::uint64_t changes_begun() const noexcept {
    return begun_.load(std::memory_order_acquire);
  }
  // Keeps an audience that was made out of a former one, unless somebody's rules changed in the meantime.
  void keep(std::int64_t room, AudiencePtr audience, std::uint64_t begun_before);

  ServiceRegistry& services_;
  UserRulesCache& rules_;
  storage::Interner& interner_;
  service::Rooms& rooms_;
  Cache<std::int64_t, AudiencePtr> cache_;
  std::atomic<std::uint64_t> begun_{0};  // changes of rules that have begun to invalidate
  std::atomic<std::uint64_t> ended_{0};
};

}  // namespace lares::push_rules
