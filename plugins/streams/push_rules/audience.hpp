// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/cache.hpp>
#include <lares/async/task.hpp>
#include <lares/service/rooms.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "user_rules.hpp"

namespace lares::push_rules {

/// A member whose rules are not the predefined ones.
struct Listener {
  std::int64_t user = 0;
  UserRulesPtr rules;
  std::string display_name;  ///< in the room, where a rule asks for it
};

/// Who in a room may hear something else of an event than the others: what evaluating an event's rules needs
/// beside the event.
struct Audience {
  std::vector<Listener> listeners;                          ///< by user, ascending
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
class Audiences {
 public:
  Audiences(TaskGroup& loads, UserRulesCache& rules, storage::Interner& interner, service::Rooms& rooms,
            const std::string& server_name);

  /// The audience as the last committed event left it.
  Task<AudiencePtr> audience(std::int64_t room, matrix::RoomId room_id);
  /// A member event of the room was committed: `in` if the user is joined now.
  void member_changed(std::int64_t room, std::int64_t user, bool in);
  /// A user's rules have changed: `rules.invalidate` has been called.
  Task<void> rules_changed(std::int64_t user);

  /// A listener by the rules as they are; nothing for a user with the predefined ones.
  Task<std::optional<Listener>> listener(std::int64_t user, UserRulesPtr rules, matrix::RoomId room_id);

 private:
  Task<AudiencePtr> load(std::int64_t room, matrix::RoomId room_id);
  Task<AudiencePtr> refreshed(AudiencePtr old, std::int64_t room, matrix::RoomId room_id);
  [[nodiscard]] std::uint64_t changes_begun() const noexcept {
    return begun_.load(std::memory_order_acquire);
  }
  // Keeps an audience that was made out of a former one, unless somebody's rules changed in the meantime.
  void keep(std::int64_t room, AudiencePtr audience, std::uint64_t begun_before);

  UserRulesCache& rules_;
  storage::Interner& interner_;
  service::Rooms& rooms_;
  Cache<std::int64_t, AudiencePtr> cache_;
  std::atomic<std::uint64_t> begun_{0};  // changes of rules that have begun to invalidate
  std::atomic<std::uint64_t> ended_{0};
};

}  // namespace lares::push_rules
