// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/matrix/history_visibility.hpp>
#include <lares/service/erased_users.hpp>
#include <lares/service/stored_event.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "room_caches.hpp"

namespace lares::events {

/// Ids of the users whose messages a reader does not want to see; may be null.
using IgnoredUsers = std::shared_ptr<const std::unordered_set<std::string>>;

/// The user's membership as the last stay in the room left it: the one given for who is joined, and for who
/// is out that by which the stay ended, which is another where a ban followed, say. Empty for who was never
/// joined, as after an invitation that was declined, or who is invited or knocks.
Task<std::optional<RoomMembership>> last_stay(RoomCaches& caches, storage::Interner& interner,
                                              std::string user_id, RoomMembership membership);

/// Which events of a room a user may see.
///
/// spec: Client-Server API, "Room History Visibility"
class Visibility {
 public:
  /// `membership` is the user's last stay in the room; empty for one who never was in it. `erased` is null
  /// where nobody knows of such users.
  Visibility(RoomCaches& caches, storage::Interner& interner, service::ErasedUsers* erased, std::int64_t room,
             std::string user_id, std::int64_t user, std::optional<RoomMembership> membership,
             IgnoredUsers ignored);

  /// The events that may be seen, in the order given; redacted what an erased user said while the reader was
  /// not in the room.
  Task<std::vector<service::StoredEventPtr>> filter(std::vector<service::StoredEventPtr> events);

  /// Whether the room as it was at an event is the reader's to know.
  Task<bool> reaches(const service::StoredEvent& event);

  /// An event that another took the place of, as it may be shown beside that one; null stays null.
  Task<service::StoredEventPtr> as_former(service::StoredEventPtr former);

  /// Numbers of the users whom the reader ignores, as far as they are known here.
  Task<std::vector<std::int64_t>> ignored() const;

  /// The reader's membership when an event was sent that `filter` has let through.
  [[nodiscard]] std::string_view membership_at(const service::StoredEvent& event) const noexcept;

 private:
  Task<matrix::ReaderThen> at(std::int64_t root);
  Task<bool> sender_erased(const service::StoredEvent& event);
  [[nodiscard]] bool may_see(const service::StoredEvent& event, const matrix::ReaderThen& before,
                             const matrix::ReaderThen& after) const noexcept;
  [[nodiscard]] bool certainly_visible(const service::StoredEvent& event) const noexcept;

  RoomCaches& caches_;
  storage::Interner& interner_;
  service::ErasedUsers* erased_;
  std::int64_t room_;
  std::string user_id_;
  std::int64_t user_;
  std::optional<RoomMembership> membership_;
  IgnoredUsers ignored_;
  bool keys_known_ = false;
  std::int64_t visibility_key_ = 0;
  std::int64_t member_key_ = 0;
  std::unordered_map<std::int64_t, matrix::ReaderThen> known_;
  std::unordered_map<std::int64_t, bool> known_senders_;  // erased or not
};

}  // namespace lares::events
