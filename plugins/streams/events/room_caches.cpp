// SPDX-License-Identifier: Apache-2.0
#include "room_caches.hpp"

#include <lares/async/when_all.hpp>
#include <lares/storage/errors.hpp>
#include <lares/storage/transaction.hpp>

#include <algorithm>
#include <limits>

#include "state_blocks.hpp"

namespace lares::events {

using service::StoredEventPtr;
using storage::ReadTransaction;
using storage::Row;

namespace {

// What a sync asks for by default is 10; what most clients ask for is 20.
constexpr std::size_t kTimelineLoaded = 30;
// Of a room whose writer is ahead of this process, so many are looked at together for its newest one here.
constexpr std::size_t kLookedAtOnce = 30;
// Rooms whose states are read in one transaction, and entries up to which a state is small.
constexpr std::size_t kWarmedAtOnce = 100;
constexpr std::size_t kSmallState = 100;
// Five name a room, and the reader is not among them; the rest is for members who leave.
constexpr std::size_t kFirstMembers = 16;
constexpr std::size_t kFewestFirst = 6;
// What an event takes in memory beside itself: its record, the entries of the caches, the allocator's share.
// Measured.
constexpr std::size_t kRecordBytes = 480;
// Where the list is cut back to the loaded length.
constexpr std::size_t kTimelineMost = 120;

constexpr std::size_t kEventsBytes = 20U << 20U;
// Most of the newest events are among the events above as well.
constexpr std::size_t kTimelinesBytes = 8U << 20U;
constexpr std::size_t kStatesBytes = 8U << 20U;

constexpr storage::Statement kRoomsOf{
    "SELECT room, membership, event, position, writer, forgotten FROM room_memberships WHERE member = $1 "
    "ORDER BY room"};
constexpr storage::Statement kMembersOf{
    "SELECT member, membership FROM room_memberships WHERE room = $1 AND membership IN (1, 2) ORDER BY "
    "position"};

constexpr storage::LookupMany kHasRelations{
    .select = "e.event",
    .from = "events e",
    .keys = {{{"e.event", storage::ColumnType::Integer}}},
    .where = "EXISTS (SELECT 1 FROM event_relations r WHERE r.target = e.event)"};

std::size_t bytes_of(const service::StoredEvent& event) {
  return event.event->memory_bytes() + kRecordBytes;
}

// `last`: nothing is older than the event.
TimelinePtr put_before(TimelinePtr older, StoredEventPtr event, bool last) {
  const std::size_t length = older ? older->length + 1 : 1;
  const std::size_t bytes = bytes_of(*event) + (older ? older->bytes : 0);
  return std::make_shared<const Timeline>(Timeline{std::move(event), std::move(older), length, last, bytes});
}

TimelinePtr make_timeline(std::span<const StoredEventPtr> newest_first, bool complete) {
  TimelinePtr list;
  for (std::size_t i = newest_first.size(); i-- > 0;) {
    list = put_before(std::move(list), newest_first[i], complete && i + 1 == newest_first.size());
  }
  return list;
}

/// Nothing of the room lies between the two.
bool follows(const matrix::Event& event, const matrix::Event& former) {
  return std::ranges::any_of(event.prev_events(),
                             [&former](std::string_view id) { return id == former.event_id(); });
}

bool contains(const std::vector<std::int64_t>& sorted, std::int64_t number) {
  return std::ranges::binary_search(sorted, number);
}

void set_member(std::vector<std::int64_t>& sorted, std::int64_t number, bool member) {
  const auto place = std::ranges::lower_bound(sorted, number);
  const bool there = place != sorted.end() && *place == number;
  if (member && !there) {
    sorted.insert(place, number);
  } else if (!member && there) {
    sorted.erase(place);
  }
}

// Counts in a gauge what is under way for as long as it lives.
class Ongoing {
 public:
  explicit Ongoing(metrics::Gauge& gauge) noexcept : gauge_{gauge} { gauge_.add(); }
  Ongoing(const Ongoing&) = delete;
  Ongoing& operator=(const Ongoing&) = delete;
  ~Ongoing() { gauge_.sub(); }

 private:
  metrics::Gauge& gauge_;
};

}  // namespace

RoomCaches::RoomCaches(TaskGroup& group, storage::Database& database, storage::Interner& interner,
                       const EventReader& reader, const std::string& server_name, bool forget_on_leave)
    : database_(database),
      interner_(interner),
      reader_(reader),
      forget_on_leave_(forget_on_leave),
      fetching_(group.runtime(), server_name, "_fetch_event_list"),
      fetches_(group.runtime()
                   .metrics()
                   .gauges({.name = "synapse_event_fetch_ongoing",
                            .help = "Reads of events that were not in memory, under way.",
                            .labels = {metrics::Label::server_name()}})
                   .at({server_name})),
      names_(group, {.name = "room_names", .server_name = server_name, .max_size = 20'000}),
      timelines_(group, {.name = "room_timelines", .server_name = server_name, .max_size = kTimelinesBytes},
                 [](std::int64_t, const TimelinePtr& timeline) { return timeline ? timeline->bytes : 64; }),
      rooms_of_(group, {.name = "user_memberships", .server_name = server_name, .max_size = 200'000},
                [](std::int64_t, const UserRooms& rooms) { return rooms->size() + 1; }),
      members_of_(group, {.name = "room_members", .server_name = server_name, .max_size = 1'000'000},
                  [](std::int64_t, const RoomMembers& members) {
                    return members->joined.size() + members->invited.size() + 1;
                  }),
      events_(group, {.name = "getEvent", .server_name = server_name, .max_size = kEventsBytes},
              [](std::int64_t, const StoredEventPtr& event) { return bytes_of(*event); }),
      states_(group, {.name = "room_states", .server_name = server_name, .max_size = kStatesBytes},
              [](const StateName&, const matrix::StateMap& map) { return map.memory_bytes() + 64; }),
      related_(group, {.name = "events_related_to", .server_name = server_name, .max_size = 30'000}) {}

void RoomCaches::drop(const AppliedEvent& applied) {
  const std::int64_t room = applied.stored->room;
  related_.invalidate(applied.stored->number);
  if (applied.target != 0) {
    related_.put(applied.target, true);
  }
  if (applied.redacts != 0) {
    forget_redacted(applied.redacts);
  }
  timelines_.invalidate(room);
  if (applied.member != 0) {
    rooms_of_.invalidate(applied.member);
    members_of_.invalidate(room);
  }
}

// The count goes up first: see `remember`.
void RoomCaches::forget_redacted(std::int64_t event) {
  events_changed_.fetch_add(1);
  events_.invalidate(event);
}

void RoomCaches::drop_states() {
  timelines_.invalidate_all();
  events_changed_.fetch_add(1);
  events_.invalidate_all();
}

// Whoever read what an event said before its redaction, and comes here after the redaction was applied, would
// keep it for good. Looked at before and after: either the redaction finds what was put, or it is seen here.
void RoomCaches::remember(std::span<const StoredEventPtr> events, std::uint64_t begun) {
  if (events_changed_.load() != begun) {
    return;
  }
  for (const StoredEventPtr& event : events) {
    if (event) {
      events_.put(event->number, event);
    }
  }
  if (events_changed_.load() != begun) {
    for (const StoredEventPtr& event : events) {
      if (event) {
        events_.invalidate(event->number);
      }
    }
  }
}

bool RoomCaches::knows_newer_membership(const AppliedEvent& applied) {
  const std::optional<UserRooms> rooms = applied.member == 0 ? std::nullopt : rooms_of_.peek(applied.member);
  if (!rooms) {
    return false;
  }
  const auto place = std::ranges::lower_bound(**rooms, applied.stored->room, {}, &RoomMembership::room);
  return place != (*rooms)->end() && place->room == applied.stored->room &&
         place->position > applied.stored->position;
}

void RoomCaches::apply(std::span<const AppliedEvent> events) {
  for (const AppliedEvent& applied : events) {
    const StoredEventPtr& stored = applied.stored;
    if (stored->position <= 0) {
      continue;
    }
    events_.put(stored->number, stored);
    if (stored->rejected || stored->soft_failed) {
      continue;
    }
    std::optional<TimelinePtr> timeline = timelines_.peek(stored->room);
    const bool newer_here = timeline && *timeline && (*timeline)->event->position > stored->position;
    if (newer_here || (applied.late && !timeline) || knows_newer_membership(applied)) {
      drop(applied);
      continue;
    }
    related_.put(stored->number, false);
    if (applied.target != 0) {
      related_.put(applied.target, true);
    }
    if (applied.redacts != 0) {
      forget_redacted(applied.redacts);
      timelines_.invalidate(stored->room);
    } else if (timeline) {
      if (*timeline && (*timeline)->event->number == stored->number) {
        // A load has read the event after its commit and before it came here.
      } else if (*timeline && !follows(*stored->event, *(*timeline)->event->event)) {
        // What the room's former writer wrote last has yet to come; the database has it.
        timelines_.invalidate(stored->room);
      } else if (*timeline && (*timeline)->length >= kTimelineMost) {
        std::vector<StoredEventPtr> newest{stored};
        for (const Timeline* at = timeline->get(); at != nullptr && newest.size() < kTimelineLoaded;
             at = at->older.get()) {
          newest.push_back(at->event);
        }
        timelines_.put(stored->room, make_timeline(newest, false));
      } else {
        timelines_.put(stored->room, put_before(*timeline, stored, *timeline == nullptr));
      }
    } else if (stored->event->type() == "m.room.create") {
      timelines_.put(stored->room, put_before(nullptr, stored, true));
    } else {
      timelines_.invalidate(stored->room);
    }
    if (applied.member == 0) {
      continue;
    }
    const MembershipCode membership =
        membership_code(stored->event->content()["membership"].to_string().value_or(""));
    const RoomMembership now{.room = stored->room,
                             .membership = membership,
                             .event = stored->number,
                             .position = stored->position,
                             .writer = stored->writer,
                             .forgotten = forget_on_leave_ && (membership == MembershipCode::kLeave ||
                                                               membership == MembershipCode::kBan)};
    if (const std::optional<UserRooms> rooms = rooms_of_.peek(applied.member)) {
      auto changed = std::make_shared<std::vector<RoomMembership>>(**rooms);
      const auto place = std::ranges::lower_bound(*changed, now.room, {}, &RoomMembership::room);
      if (place == changed->end() || place->room != now.room) {
        changed->insert(place, now);
      } else {
        *place = now;
      }
      rooms_of_.put(applied.member, std::move(changed));
    } else {
      rooms_of_.invalidate(applied.member);
    }
    if (const std::optional<RoomMembers> members = members_of_.peek(stored->room)) {
      const bool joined = membership == MembershipCode::kJoin;
      const bool invited = membership == MembershipCode::kInvite;
      if (contains((*members)->joined, applied.member) != joined ||
          contains((*members)->invited, applied.member) != invited) {
        auto changed = std::make_shared<MemberList>(**members);
        set_member(changed->joined, applied.member, joined);
        set_member(changed->invited, applied.member, invited);
        const std::size_t count = changed->joined.size() + changed->invited.size();
        if (!joined && !invited) {
          std::erase(changed->first, applied.member);
        } else if (count <= kFirstMembers &&
                   std::ranges::find(changed->first, applied.member) == changed->first.end()) {
          changed->first.push_back(applied.member);
        }
        if (changed->first.size() < std::min(count, kFewestFirst)) {
          members_of_.invalidate(stored->room);
        } else {
          members_of_.put(stored->room, std::move(changed));
        }
      }
    } else {
      members_of_.invalidate(stored->room);
    }
  }
}

void RoomCaches::drop_rooms_of(std::optional<std::int64_t> user) {
  if (user) {
    rooms_of_.invalidate(*user);
  } else {
    rooms_of_.invalidate_all();
  }
}

Task<RoomName> RoomCaches::name(std::int64_t room) {
  return names_.get(room, [this](std::int64_t number) -> Task<RoomName> {
    const std::vector<storage::InternText> texts =
        co_await interner_.texts(storage::InternKind::Room, {number});
    const std::optional<RoomFacts> facts = co_await database_.read(
        "room_facts", [number](ReadTransaction& tx) { return read_room_facts(tx, number); });
    auto id = matrix::RoomId::parse(texts.front().first);
    if (!facts || facts->version == nullptr || !id) {
      throw storage::Corrupt{"A room that is referred to is not there."};
    }
    co_return RoomName{std::move(*id), facts->version};
  });
}

Task<TimelinePtr> RoomCaches::timeline(std::int64_t room) {
  return timelines_.get(room, [this](std::int64_t number) -> Task<TimelinePtr> {
    const std::uint64_t begun = events_changed_.load();
    const std::vector<StoredEventPtr> newest =
        co_await database_.read("room_timeline", [this, number](ReadTransaction& tx) {
          return reader_.newest(tx, number, 0, std::numeric_limits<std::int64_t>::max(), kTimelineLoaded);
        });
    remember(newest, begun);
    current_context().add_event_fetches(newest.size());
    co_return make_timeline(newest, newest.size() < kTimelineLoaded);
  });
}

Task<std::int64_t> RoomCaches::root_at(std::int64_t room, stream::StreamPosition upto) {
  const TimelinePtr newest = co_await timeline(room);
  std::int64_t last = upto.maximum();
  for (const Timeline* at = newest.get(); at != nullptr; at = at->older.get()) {
    if (upto.covers(at->event->writer, at->event->position)) {
      co_return at->event->state_after;
    }
    last = std::min(last, at->event->position - 1);
    if (at->complete) {
      co_return 0;
    }
  }
  // All that is held may be beyond what this process has taken up.
  while (newest) {
    const std::vector<StoredEventPtr> events = co_await database_.read(
        "room_root",
        [this, room, last](ReadTransaction& tx) { return reader_.newest(tx, room, 0, last, kLookedAtOnce); });
    current_context().add_event_fetches(events.size());
    for (const StoredEventPtr& event : events) {
      if (upto.covers(event->writer, event->position)) {
        co_return event->state_after;
      }
      last = event->position - 1;
    }
    if (events.size() < kLookedAtOnce) {
      break;
    }
  }
  co_return 0;
}

Task<UserRooms> RoomCaches::rooms_of(std::int64_t user) {
  return rooms_of_.get(user, [this](std::int64_t number) -> Task<UserRooms> {
    co_return co_await database_.read("user_memberships", [number](ReadTransaction& tx) -> UserRooms {
      auto rooms = std::make_shared<std::vector<RoomMembership>>();
      tx.each(kRoomsOf, number, [&rooms](const Row& row) {
        rooms->push_back({.room = row.i64(0),
                          .membership = static_cast<MembershipCode>(row.i64(1)),
                          .event = row.i64(2),
                          .position = row.i64(3),
                          .writer = static_cast<stream::WriterNumber>(row.i64(4)),
                          .forgotten = row.boolean(5)});
      });
      return rooms;
    });
  });
}

Task<RoomMembers> RoomCaches::members_of(std::int64_t room) {
  return members_of_.get(room, [this](std::int64_t number) -> Task<RoomMembers> {
    co_return co_await database_.read("room_members", [number](ReadTransaction& tx) -> RoomMembers {
      auto members = std::make_shared<MemberList>();
      tx.each(kMembersOf, number, [&members](const Row& row) {
        (static_cast<MembershipCode>(row.i64(1)) == MembershipCode::kJoin ? members->joined
                                                                          : members->invited)
            .push_back(row.i64(0));
        if (members->first.size() < kFirstMembers) {
          members->first.push_back(row.i64(0));
        }
      });
      std::ranges::sort(members->joined);
      std::ranges::sort(members->invited);
      return members;
    });
  });
}

Task<std::vector<StoredEventPtr>> RoomCaches::events(std::vector<std::int64_t> numbers) {
  std::vector<StoredEventPtr> result(numbers.size());
  std::vector<std::int64_t> missing;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (std::optional<StoredEventPtr> found = events_.peek(numbers[i])) {
      result[i] = std::move(*found);
    } else {
      missing.push_back(numbers[i]);
      places.push_back(i);
    }
  }
  if (missing.empty()) {
    co_return result;
  }
  const Measure measure{fetching_};
  const Ongoing ongoing{fetches_};
  current_context().add_event_fetches(missing.size());
  const std::uint64_t begun = events_changed_.load();
  std::vector<StoredEventPtr> loaded = co_await database_.read(
      "events_by_number", [this, &missing](ReadTransaction& tx) { return reader_.by_number(tx, missing); });
  if (std::ranges::find(loaded, nullptr) != loaded.end()) {
    throw storage::Corrupt{"An event that is referred to is not there."};
  }
  remember(loaded, begun);
  for (std::size_t i = 0; i < loaded.size(); ++i) {
    result[places[i]] = std::move(loaded[i]);
  }
  co_return result;
}

Task<std::vector<StoredEventPtr>> RoomCaches::related(std::vector<StoredEventPtr> events) {
  std::vector<StoredEventPtr> result;
  std::vector<StoredEventPtr> unknown;
  for (StoredEventPtr& event : events) {
    const std::optional<bool> known = related_.peek(event->number);
    if (!known) {
      unknown.push_back(std::move(event));
    } else if (*known) {
      result.push_back(std::move(event));
    }
  }
  if (!unknown.empty()) {
    std::vector<bool> found = co_await database_.read("events_related_to", [&unknown](ReadTransaction& tx) {
      std::vector<bool> flags(unknown.size(), false);
      tx.lookup_many(
          kHasRelations, unknown, [](const StoredEventPtr& event) { return event->number; },
          [&flags](std::size_t index, const Row&) { flags[index] = true; });
      return flags;
    });
    for (std::size_t i = 0; i < unknown.size(); ++i) {
      // What has been applied meanwhile knows better than this read.
      if (!related_.peek(unknown[i]->number)) {
        related_.put(unknown[i]->number, found[i]);
      }
      if (found[i]) {
        result.push_back(std::move(unknown[i]));
      }
    }
  }
  co_return result;
}

matrix::StateMap RoomCaches::state(std::int64_t room, std::int64_t root) {
  if (const std::optional<matrix::StateMap> kept = states_.peek(StateName{room, root})) {
    return *kept;
  }
  return matrix::StateMap::open(static_cast<matrix::NodeId>(root));
}

Task<std::vector<std::int64_t>> RoomCaches::state_events(std::int64_t room, std::int64_t root,
                                                         std::vector<std::int64_t> keys) {
  const matrix::StateMap map = state(room, root);
  std::vector<std::int64_t> result(keys.size(), 0);
  bool loaded = true;
  for (std::size_t i = 0; i < keys.size() && loaded; ++i) {
    const auto found = map.find(static_cast<std::uint64_t>(keys[i]));
    loaded = found.has_value();
    result[i] = loaded && *found ? static_cast<std::int64_t>(**found) : 0;
  }
  if (loaded) {
    co_return result;
  }
  result = co_await database_.read("state_events", [&map, &keys, room](ReadTransaction& tx) {
    StateBlocks blocks{tx, room};
    const std::vector<std::uint64_t> wanted(keys.begin(), keys.end());
    state_or_throw(map.load(wanted, blocks), room);
    std::vector<std::int64_t> numbers;
    numbers.reserve(wanted.size());
    for (const std::uint64_t key : wanted) {
      numbers.push_back(static_cast<std::int64_t>(state_or_throw(map.find(key, &blocks), room).value_or(0)));
    }
    return numbers;
  });
  states_.put(StateName{room, root}, map);
  co_return result;
}

Task<std::vector<RoomCaches::StateItem>> RoomCaches::all_state(std::int64_t room, std::int64_t root) {
  const matrix::StateMap map = state(room, root);
  std::vector<StateItem> items;
  const auto collect = [&items](std::uint64_t key, std::uint64_t event) {
    items.push_back({static_cast<std::int64_t>(key), static_cast<std::int64_t>(event)});
    return true;
  };
  if (map.for_each(collect)) {
    co_return items;
  }
  items = co_await database_.read("all_state", [&map, &items, &collect, room](ReadTransaction& tx) {
    StateBlocks blocks{tx, room};
    items.clear();
    state_or_throw(map.for_each(collect, &blocks), room);
    return items;
  });
  states_.put(StateName{room, root}, map);
  co_return items;
}

Task<std::vector<std::pair<std::int64_t, std::int64_t>>> RoomCaches::state_difference(std::int64_t room,
                                                                                      std::int64_t before,
                                                                                      std::int64_t after) {
  using Differences = std::vector<std::pair<std::int64_t, std::int64_t>>;
  if (before == after) {
    co_return Differences{};
  }
  const matrix::StateMap from = state(room, before);
  const matrix::StateMap to = state(room, after);
  const auto numbers = [](const std::vector<matrix::StateDifference>& differences) {
    Differences result;
    result.reserve(differences.size());
    for (const matrix::StateDifference& difference : differences) {
      result.emplace_back(static_cast<std::int64_t>(difference.before.value_or(0)),
                          static_cast<std::int64_t>(difference.after.value_or(0)));
    }
    return result;
  };
  if (const auto differences = matrix::StateMap::diff(from, to)) {
    co_return numbers(*differences);
  }
  Differences result = co_await database_.read("state_difference", [&](ReadTransaction& tx) {
    StateBlocks blocks{tx, room};
    return numbers(state_or_throw(matrix::StateMap::diff(from, to, &blocks), room));
  });
  states_.put(StateName{room, before}, from);
  states_.put(StateName{room, after}, to);
  co_return result;
}

Task<void> RoomCaches::warm_one(std::int64_t room) {
  if (!names_.peek(room)) {
    (void)co_await name(room);
  }
  if (!timelines_.peek(room)) {
    (void)co_await timeline(room);
  }
  if (!members_of_.peek(room)) {
    (void)co_await members_of(room);
  }
}

// Names and timelines change, so each is loaded by itself, many at a time; states never do, and come in one
// transaction together with their events.
Task<void> RoomCaches::warm(std::vector<std::int64_t> rooms, std::size_t timeline_length) {
  for (std::size_t begin = 0; begin < rooms.size(); begin += kWarmedAtOnce) {
    const std::size_t end = std::min(begin + kWarmedAtOnce, rooms.size());
    // The rooms' ids are asked for together; each name then finds its own in memory.
    (void)co_await interner_.texts(
        storage::InternKind::Room,
        std::vector<std::int64_t>(rooms.begin() + static_cast<std::ptrdiff_t>(begin),
                                  rooms.begin() + static_cast<std::ptrdiff_t>(end)));
    std::vector<Task<void>> loads;
    for (std::size_t i = begin; i < end; ++i) {
      if (!names_.peek(rooms[i]) || !timelines_.peek(rooms[i]) || !members_of_.peek(rooms[i])) {
        loads.push_back(warm_one(rooms[i]));
      }
    }
    if (!loads.empty()) {
      co_await when_all(std::move(loads));
    }
    std::vector<Wanted> wanted;
    std::vector<StoredEventPtr> shown;
    for (std::size_t i = begin; i < end; ++i) {
      if (const std::optional<TimelinePtr> timeline = timelines_.peek(rooms[i])) {
        note_wanted(rooms[i], timeline->get(), timeline_length, wanted, shown);
      }
    }
    (void)co_await related(std::move(shown));
    if (wanted.empty()) {
      continue;
    }
    const std::uint64_t begun = events_changed_.load();
    const std::vector<StoredEventPtr> events =
        co_await database_.read("warm_rooms", [this, &wanted](ReadTransaction& tx) {
          std::vector<std::int64_t> missing;
          for (const Wanted& want : wanted) {
            StateBlocks blocks{tx, want.room};
            state_or_throw(want.state.load_all(blocks), want.room);
            if (want.after) {
              (void)state_or_throw(matrix::StateMap::diff(want.state, *want.after, &blocks), want.room);
            }
            if (want.events) {
              (void)want.state.for_each([this, &missing](std::uint64_t, std::uint64_t event) {
                if (!events_.peek(static_cast<std::int64_t>(event))) {
                  missing.push_back(static_cast<std::int64_t>(event));
                }
                return true;
              });
            }
          }
          return reader_.by_number(tx, missing);
        });
    std::vector<std::int64_t> keys;
    for (const Wanted& want : wanted) {
      if (want.events) {
        (void)want.state.for_each([&keys](std::uint64_t key, std::uint64_t) {
          keys.push_back(static_cast<std::int64_t>(key));
          return true;
        });
      }
      states_.put(StateName{want.room, want.root}, want.state);
      if (want.after) {
        states_.put(StateName{want.room, want.root_after}, *want.after);
      }
    }
    std::ranges::sort(keys);
    keys.erase(std::ranges::unique(keys).begin(), keys.end());
    (void)co_await interner_.texts(storage::InternKind::StateKey, std::move(keys));
    current_context().add_event_fetches(events.size());
    remember(events, begun);
  }
}

void RoomCaches::note_wanted(std::int64_t room, const Timeline* newest, std::size_t timeline_length,
                             std::vector<Wanted>& wanted, std::vector<StoredEventPtr>& shown) {
  const Timeline* oldest = nullptr;
  for (const Timeline* at = newest; at != nullptr && timeline_length > 0;
       at = at->older.get(), --timeline_length) {
    oldest = at;
    if (!related_.peek(at->event->number)) {
      shown.push_back(at->event);
    }
    const service::StoredEvent& event = *at->event;
    if (!event.event->is_state() || event.state_before == 0) {
      continue;
    }
    matrix::StateMap before = state(room, event.state_before);
    matrix::StateMap after = state(room, event.state_after);
    if (!matrix::StateMap::diff(before, after)) {
      wanted.push_back(
          {room, event.state_before, std::move(before), event.state_after, std::move(after), false});
    }
  }
  if (oldest == nullptr || oldest->event->state_before == 0) {
    return;
  }
  matrix::StateMap start = state(room, oldest->event->state_before);
  const auto unknown = [this](std::uint64_t, std::uint64_t event) {
    return events_.peek(static_cast<std::int64_t>(event)).has_value();
  };
  bool complete = true;
  const auto visited = start.for_each([&unknown, &complete](std::uint64_t key, std::uint64_t event) {
    complete = unknown(key, event);
    return complete;
  });
  // Of a large room only those members are shown who are needed, so its events are not all taken up here.
  const auto size = start.size();
  const bool small = !size || *size <= kSmallState;
  if ((!visited || !complete) && small) {
    wanted.push_back({room, oldest->event->state_before, std::move(start), 0, std::nullopt, true});
  }
}

}  // namespace lares::events
