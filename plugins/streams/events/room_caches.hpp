// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/cache.hpp>
#include <lares/async/measure.hpp>
#include <lares/base/metrics.hpp>
#include <lares/matrix/state_map.hpp>
#include <lares/service/rooms.hpp>
#include <lares/service/stored_event.hpp>
#include <lares/storage/database.hpp>
#include <lares/storage/intern.hpp>
#include <lares/stream/token.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "event_reader.hpp"
#include "schema.hpp"

namespace lares::events {

/// The newest events of a room, in the order of arrival. A list that shares its tail, so that a new event
/// costs one node.
///
/// **Threads**: any; immutable.
struct Timeline {
  service::StoredEventPtr event;
  std::shared_ptr<const Timeline> older;  ///< null at the end of what is kept
  std::size_t length = 1;
  bool complete = false;  ///< in the last node: nothing older exists
  std::size_t bytes = 0;  ///< of the events from here on, about
};
using TimelinePtr = std::shared_ptr<const Timeline>;

/// A user's membership of a room as the caches keep it.
struct RoomMembership {
  std::int64_t room = 0;
  MembershipCode membership = MembershipCode::kLeave;
  std::int64_t event = 0;
  std::int64_t position = 0;
  stream::WriterNumber writer = 0;
  bool forgotten = false;
};
using UserRooms = std::shared_ptr<const std::vector<RoomMembership>>;  ///< by room, ascending

/// Who is in a room; the lists by number, ascending.
struct MemberList {
  std::vector<std::int64_t> joined;
  std::vector<std::int64_t> invited;
  /// The first of both in the order in which they came to be so, for naming a room after them.
  std::vector<std::int64_t> first;
};
using RoomMembers = std::shared_ptr<const MemberList>;

/// A room's version and id.
struct RoomName {
  matrix::RoomId id;
  const matrix::RoomVersion* version;
};

/// A committed event with what the tables say about it beside the event itself.
struct AppliedEvent {
  service::StoredEventPtr stored;
  std::int64_t member = 0;   ///< of m.room.member: whose
  std::int64_t redacts = 0;  ///< number of the event that this one has redacted
  std::int64_t target = 0;   ///< number of the event that this one relates to
  /// Newer events of other writers are applied already, perhaps of its room, which another had before.
  bool late = false;
  bool joined = false;  ///< of m.room.member: the member is in the room, as far as is known now
};

/// What readers of rooms share in memory, kept current by `apply`: timelines, memberships, events, states.
///
/// **Threads**: any for reading; `apply` from the loop that applies events.
class RoomCaches {
 public:
  RoomCaches(TaskGroup& group, storage::Database& database, storage::Interner& interner,
             const EventReader& reader, const std::string& server_name, bool forget_on_leave);

  /// Takes up committed events in the order of their positions, before the position is announced.
  void apply(std::span<const AppliedEvent> events);

  /// Whether a room's newest events are held, which `apply` then has to know each event for.
  [[nodiscard]] bool holds_timeline(std::int64_t room) { return timelines_.peek(room).has_value(); }
  /// An event of the room was committed that `apply` will not be told of: a load under way counts as
  /// overtaken.
  void pass_over(std::int64_t room) { timelines_.invalidate(room); }

  Task<RoomName> name(std::int64_t room);
  [[nodiscard]] std::optional<RoomName> cached_name(std::int64_t room) { return names_.peek(room); }
  /// The rooms of a user have changed by other means than an event; nothing for everyone.
  void drop_rooms_of(std::optional<std::int64_t> user);
  /// States of events have been replaced by others.
  void drop_states();
  Task<TimelinePtr> timeline(std::int64_t room);
  /// Root of the room's state after the newest of its events up to a position; 0 where there is none.
  Task<std::int64_t> root_at(std::int64_t room, stream::StreamPosition upto);
  Task<UserRooms> rooms_of(std::int64_t user);
  Task<RoomMembers> members_of(std::int64_t room);
  /// By number, in order. **Errors**: storage::Corrupt if one is not there.
  Task<std::vector<service::StoredEventPtr>> events(std::vector<std::int64_t> numbers);
  [[nodiscard]] std::optional<service::StoredEventPtr> cached_event(std::int64_t number) {
    return events_.peek(number);
  }

  /// Those of the events that others relate to.
  Task<std::vector<service::StoredEventPtr>> related(std::vector<service::StoredEventPtr> events);

  /// Loads what showing the rooms from the beginning will ask for, with few questions to the database: a
  /// timeline of this length and the state before it.
  Task<void> warm(std::vector<std::int64_t> rooms, std::size_t timeline_length);

  /// The room's state under a root. Its nodes load when they are needed, inside `with_state`.
  [[nodiscard]] matrix::StateMap state(std::int64_t room, std::int64_t root);

  /// Numbers of the events in the state under `root` for these state keys; 0 where there is none.
  Task<std::vector<std::int64_t>> state_events(std::int64_t room, std::int64_t root,
                                               std::vector<std::int64_t> keys);
  /// An entry of a state: the number of its type and state key, and that of its event.
  struct StateItem {
    std::int64_t key = 0;
    std::int64_t event = 0;
  };
  /// The state under `root`.
  Task<std::vector<StateItem>> all_state(std::int64_t room, std::int64_t root);
  /// The entries that differ: (event before or 0, event after or 0).
  Task<std::vector<std::pair<std::int64_t, std::int64_t>>> state_difference(std::int64_t room,
                                                                            std::int64_t before,
                                                                            std::int64_t after);

 private:
  /// Keeps events that were read, unless one of them may have been redacted since `begun`, which was read
  /// from `events_changed_` before.
  void remember(std::span<const service::StoredEventPtr> events, std::uint64_t begun);
  void forget_redacted(std::int64_t event);
  [[nodiscard]] bool knows_newer_membership(const AppliedEvent& applied);
  /// Forgets what a late event concerns, so that it is read anew.
  void drop(const AppliedEvent& applied);

  /// A state that `warm` has to load, and the one after it where they are to be compared.
  struct Wanted {
    std::int64_t room = 0;
    std::int64_t root = 0;
    matrix::StateMap state;
    std::int64_t root_after = 0;
    std::optional<matrix::StateMap> after;
    bool events = false;  ///< and its events
  };
  Task<void> warm_one(std::int64_t room);
  void note_wanted(std::int64_t room, const Timeline* newest, std::size_t timeline_length,
                   std::vector<Wanted>& wanted, std::vector<service::StoredEventPtr>& shown);

  struct StateName {
    std::int64_t room;
    std::int64_t root;
    bool operator==(const StateName&) const = default;
  };
  struct StateNameHash {
    std::size_t operator()(const StateName& name) const noexcept {
      return static_cast<std::size_t>(name.room) * 1'000'003U + static_cast<std::size_t>(name.root);
    }
  };

  storage::Database& database_;
  storage::Interner& interner_;
  const EventReader& reader_;
  const bool forget_on_leave_;
  MeasuredBlock fetching_;
  metrics::Gauge& fetches_;
  Cache<std::int64_t, RoomName> names_;
  Cache<std::int64_t, TimelinePtr> timelines_;
  Cache<std::int64_t, UserRooms> rooms_of_;
  Cache<std::int64_t, RoomMembers> members_of_;
  Cache<std::int64_t, service::StoredEventPtr> events_;
  std::atomic<std::uint64_t> events_changed_{0};  ///< how often events were changed that may be held
  Cache<StateName, matrix::StateMap, StateNameHash> states_;
  Cache<std::int64_t, bool> related_;  // whether anything relates to an event
};

}  // namespace lares::events
