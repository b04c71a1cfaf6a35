// SPDX-License-Identifier: Apache-2.0
#include "sync_section.hpp"

#include <lares/async/runtime.hpp>
#include <lares/json/writer.hpp>
#include <lares/matrix/client_event.hpp>
#include <lares/matrix/filter.hpp>
#include <lares/service/event_writer.hpp>
#include <lares/storage/transaction.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <limits>
#include <unordered_set>
#include <utility>

#include "bundles.hpp"
#include "rooms_service.hpp"
#include "sync_window.hpp"
#include "visibility.hpp"

namespace lares::events {

using service::StoredEventPtr;
using service::SyncResponse;
using service::SyncScope;
using stream::StreamNumber;

namespace {

constexpr std::size_t kTimelineLimit = 10;
constexpr std::size_t kHeroes = 5;
// Of a room that many have left some name it.
constexpr std::size_t kMostFormer = 1000;
constexpr std::chrono::milliseconds kApplied{1000};
constexpr int kRounds = 3;
// How far a timeline reads on when what it finds may not be seen, or is not wanted.
constexpr int kMostBatches = 10;
constexpr std::size_t kBatch = 100;

bool in_past(const stream::Token& from, const service::StoredEvent& event) {
  return from.covers(StreamNumber::kEvents, event.writer, event.position);
}

}  // namespace

/// Timeline and state of one room between two places.
struct SyncSection::Part {
  std::vector<StoredEventPtr> timeline;  // oldest first
  std::vector<StoredEventPtr> state;
  bool limited = false;
  std::string prev_batch;
  bool membership_changed = false;
  std::int64_t root = 0;  // of the state at the end
  std::unique_ptr<Visibility> visibility;
};

/// What was looked at for a timeline.
struct SyncSection::Walk {
  StoredEventPtr oldest;  // null: nothing
  bool more = false;      // between it and the window's start
  bool dropped = false;   // the timeline has not all of it
};

SyncSection::SyncSection(Server& server, storage::Database& database, storage::Interner& interner,
                         stream::Hub& hub, RoomCaches& caches, const EventReader& reader)
    : server_(server),
      services_(server.services()),
      runtime_(server.runtime()),
      database_(database),
      interner_(interner),
      hub_(hub),
      caches_(caches),
      reader_(reader),
      prejoin_(read_prejoin_state(*server.config())),
      recents_(server.runtime(), server.name(), "load_filtered_recents") {}

Task<void> SyncSection::contribute(SyncScope& scope, SyncResponse& response) {
  // A process that is behind what the client knows would tell it of a room that it left, and not that it is
  // back there.
  const stream::StreamPosition from = scope.from.at(StreamNumber::kEvents);
  if (!scope.initial && !scope.to.at(StreamNumber::kEvents).reaches(from)) {
    co_await hub_.reached(StreamNumber::kEvents, from, kApplied);
    scope.to = hub_.now();
  }
  UserRooms rooms = co_await caches_.rooms_of(scope.user);
  const std::vector<std::int64_t> hidden = co_await hidden_rooms();
  const auto is_hidden = [&hidden](const RoomMembership& membership) {
    return std::ranges::find(hidden, membership.room) != hidden.end();
  };
  // The caches are told before the position is announced; a membership beyond `to` is there in a moment. What
  // else has come by then may be a membership, too, so the rooms are never older than `to`.
  const SteadyTime end = runtime_.steady_now() + kApplied;
  for (int round = 0; round < kRounds && co_await wait_for_rooms(scope, *rooms, end); ++round) {
    rooms = co_await caches_.rooms_of(scope.user);
  }
  for (const RoomMembership& membership : *rooms) {
    if (membership.membership == MembershipCode::kJoin && !is_hidden(membership)) {
      std::optional<RoomName> name = caches_.cached_name(membership.room);
      if (!name) {
        name = co_await caches_.name(membership.room);
      }
      response.joined_rooms.emplace_back(membership.room, name->id.str());
    }
  }
  if (scope.initial) {
    std::vector<std::int64_t> joined;
    for (const auto& [room, id] : response.joined_rooms) {
      if (scope.filter->wants_room(id)) {
        joined.push_back(room);
      }
    }
    co_await caches_.warm(std::move(joined),
                          std::max<std::size_t>(1, scope.filter->timeline().limit(kTimelineLimit)));
  }
  for (const RoomMembership& membership : *rooms) {
    // A room may be forgotten before all of the user's clients have heard that it was left.
    if ((membership.forgotten && scope.initial) || is_hidden(membership)) {
      continue;
    }
    const bool news =
        scope.initial || !scope.from.covers(StreamNumber::kEvents, membership.writer, membership.position);
    switch (membership.membership) {
      case MembershipCode::kJoin:
        co_await joined_room(scope, membership, response);
        break;
      case MembershipCode::kInvite:
      case MembershipCode::kKnock:
        if (news) {
          co_await invited_room(scope, membership, response);
        }
        break;
      case MembershipCode::kLeave:
      case MembershipCode::kBan:
        if (news && (!scope.initial || co_await is_shown_from_the_start(scope, membership))) {
          co_await left_room(scope, membership, response);
        }
        break;
    }
  }
}

Task<std::vector<std::int64_t>> SyncSection::hidden_rooms() {
  std::vector<std::int64_t> rooms;
  const ConfigPtr config = server_.config();
  for (const nlohmann::json& id : config->get("exclude_rooms_from_sync")) {
    const std::string& text = id.get_ref<const std::string&>();
    if (const std::optional<std::int64_t> number = co_await interner_.lookup_room(text)) {
      rooms.push_back(*number);
    }
  }
  co_return rooms;
}

Task<bool> SyncSection::wait_for_rooms(SyncScope& scope, const std::vector<RoomMembership>& rooms,
                                       SteadyTime end) {
  bool beyond = false;
  for (const RoomMembership& membership : rooms) {
    if (!scope.to.covers(StreamNumber::kEvents, membership.writer, membership.position)) {
      beyond = true;
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - runtime_.steady_now());
      co_await hub_.reached(StreamNumber::kEvents, membership.writer, membership.position, left);
    }
  }
  if (beyond) {
    scope.to = hub_.now();
  }
  co_return beyond;
}

Task<std::vector<StoredEventPtr>> SyncSection::newest(const SyncScope& scope, std::int64_t room, bool all,
                                                      std::size_t limit, std::int64_t upto, bool inside) {
  std::vector<StoredEventPtr> events;
  const stream::Token* const from = all ? nullptr : &scope.from;
  const TimelinePtr timeline = co_await caches_.timeline(room);
  const Timeline* at = timeline.get();
  SyncWindow window{from, scope.to, inside};
  for (; at != nullptr && events.size() <= limit; at = at->older.get()) {
    if (at->event->position > upto) {
      continue;
    }
    const SyncWindow::Place place = window.place(*at->event);
    if (place == SyncWindow::Place::kAfter) {
      continue;
    }
    if (place == SyncWindow::Place::kBefore) {
      co_return events;
    }
    events.push_back(at->event);
    if (at->older == nullptr && at->complete) {
      co_return events;
    }
  }
  if (events.size() > limit) {
    co_return events;
  }
  // The list in memory ends before the place in question.
  const std::int64_t last = std::min(upto, scope.to.at(StreamNumber::kEvents).maximum());
  const std::int64_t after = all ? 0 : scope.from.minimum(StreamNumber::kEvents);
  ReadNewest read = [this, room, after](std::int64_t highest, std::size_t count) {
    return database_.read("sync_timeline", [this, room, after, highest, count](storage::ReadTransaction& tx) {
      return reader_.newest(tx, room, after, highest, count);
    });
  };
  co_return co_await newest_in(SyncWindow{from, scope.to, inside}, last, limit + 1, std::move(read));
}

Task<std::int64_t> SyncSection::root_at(std::int64_t room, const stream::Token& from) {
  const TimelinePtr timeline = co_await caches_.timeline(room);
  for (const Timeline* at = timeline.get(); at != nullptr; at = at->older.get()) {
    if (in_past(from, *at->event)) {
      co_return at->event->state_after;
    }
    if (at->older == nullptr && at->complete) {
      co_return 0;
    }
  }
  const StoredEventPtr newest = co_await database_.read(
      "state_at_token", [this, room, at = from.at(StreamNumber::kEvents)](storage::ReadTransaction& tx) {
        return reader_.newest_covered(tx, room, at);
      });
  co_return newest ? newest->state_after : 0;
}

// Whether the user was joined at `from`: a change of name is a membership event too, and makes nobody new.
Task<bool> SyncSection::was_joined(const SyncScope& scope, const RoomMembership& membership) {
  const std::string_view user = scope.requester->user().view();
  const std::optional<std::int64_t> key = co_await interner_.lookup_state_key("m.room.member", user);
  const std::int64_t root = co_await root_at(membership.room, scope.from);
  if (!key || root == 0) {
    co_return false;
  }
  const std::vector<std::int64_t> found =
      co_await caches_.state_events(membership.room, root, std::vector<std::int64_t>{*key});
  if (found.front() == 0) {
    co_return false;
  }
  const std::vector<StoredEventPtr> events = co_await caches_.events(found);
  co_return events.front()->event->content()["membership"].equals("join");
}

// Where members are loaded lazily, those who are needed are added one by one.
Task<std::vector<std::int64_t>> SyncSection::whole_state(std::int64_t room, std::int64_t root, bool lazy) {
  const std::vector<RoomCaches::StateItem> items = co_await caches_.all_state(room, root);
  std::vector<std::int64_t> events;
  events.reserve(items.size());
  std::vector<storage::InternText> texts;
  if (lazy) {
    std::vector<std::int64_t> keys;
    keys.reserve(items.size());
    for (const RoomCaches::StateItem& item : items) {
      keys.push_back(item.key);
    }
    texts = co_await interner_.texts(storage::InternKind::StateKey, std::move(keys));
  }
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!lazy || texts[i].first != "m.room.member") {
      events.push_back(items[i].event);
    }
  }
  co_return events;
}

Task<std::vector<StoredEventPtr>> SyncSection::shown(const SyncScope& scope, Part& part,
                                                     std::vector<StoredEventPtr> events) {
  if (!scope.filter->timeline().trivial()) {
    std::erase_if(events, [&scope](const StoredEventPtr& event) {
      return !scope.filter->timeline().matches(*event->event);
    });
  }
  return part.visibility->filter(std::move(events));
}

Task<SyncSection::Walk> SyncSection::walk(const SyncScope& scope, const RoomMembership& membership,
                                          bool whole, std::int64_t upto, Part& part) {
  const std::size_t limit = scope.filter->timeline().limit(kTimelineLimit);
  const auto is_member = [](const StoredEventPtr& event) { return event->event->type() == "m.room.member"; };
  Walk walk;
  std::vector<StoredEventPtr> events = co_await newest(scope, membership.room, whole, limit, upto, false);
  walk.more = events.size() > limit;
  if (walk.more && limit == 0) {
    part.root = events.front()->state_after;
    part.prev_batch = service::HistoryPlace{events.front()->depth, events.front()->position + 1}.text();
  }
  if (walk.more) {
    events.resize(limit);
  }
  if (!events.empty()) {
    part.root = events.front()->state_after;
    walk.oldest = events.back();
  } else if (!walk.more) {
    part.root = co_await root_at(membership.room, scope.to);
  }
  part.membership_changed = whole || std::ranges::any_of(events, is_member);
  const std::size_t looked_at = events.size();
  part.timeline = co_await shown(scope, part, std::move(events));
  walk.dropped = part.timeline.size() != looked_at;
  // Whoever wants nothing misses nothing.
  const bool wants_nothing = scope.filter->timeline().matches_nothing();
  for (int batch = 0; batch < kMostBatches && scope.reads_left > 0 && walk.more &&
                      part.timeline.size() < limit && !wants_nothing;
       ++batch) {
    --scope.reads_left;
    events = co_await newest(scope, membership.room, whole, kBatch, walk.oldest->position - 1, true);
    walk.more = events.size() > kBatch;
    if (walk.more) {
      events.resize(kBatch);
    }
    if (events.empty()) {
      break;
    }
    walk.oldest = events.back();
    part.membership_changed = part.membership_changed || std::ranges::any_of(events, is_member);
    std::vector<StoredEventPtr> found = co_await shown(scope, part, std::move(events));
    if (const std::size_t room = limit - part.timeline.size(); found.size() > room) {
      found.resize(room);
      walk.oldest = found.back();
      walk.more = true;
    }
    std::ranges::move(found, std::back_inserter(part.timeline));
  }
  part.limited = walk.more && !wants_nothing;
  if (walk.oldest) {
    part.prev_batch = service::HistoryPlace{walk.oldest->depth, walk.oldest->position}.text();
  }
  std::ranges::reverse(part.timeline);
  co_return walk;
}

Task<std::vector<StoredEventPtr>> SyncSection::state_beside(Part& part, std::int64_t room,
                                                            std::int64_t start) {
  std::vector<std::int64_t> numbers;
  std::unordered_set<std::int64_t> replaced;
  const auto in_timeline = [&part](std::int64_t number) {
    return std::ranges::find(part.timeline, number, [](const StoredEventPtr& event) {
             return event->number;
           }) != part.timeline.end();
  };
  for (const auto& [was, is] : co_await caches_.state_difference(room, start, part.root)) {
    if (is != 0 && !in_timeline(is)) {
      numbers.push_back(is);
      replaced.insert(was);
    }
  }
  std::erase_if(part.state,
                [&replaced](const StoredEventPtr& event) { return replaced.contains(event->number); });
  co_return co_await caches_.events(std::move(numbers));
}

Task<SyncSection::Part> SyncSection::part(const SyncScope& scope, const RoomMembership& membership,
                                          std::optional<RoomMembership> stay, bool whole, std::int64_t upto) {
  const Measure measure{recents_};
  Part part;
  IgnoredUsers ignored = co_await ignored_by(services_, scope.user);
  part.visibility = std::make_unique<Visibility>(caches_, interner_, services_.find<service::ErasedUsers>(),
                                                 membership.room, scope.requester->user().str(), scope.user,
                                                 stay, std::move(ignored));
  const Walk walk = co_await this->walk(scope, membership, whole, upto, part);
  // State goes up to the start of the timeline, or where the client wants it to the end.
  const std::int64_t start = walk.oldest ? walk.oldest->state_before : part.root;
  const std::int64_t end = scope.state_after ? part.root : start;

  std::vector<std::int64_t> state;
  const bool lazy = scope.filter->state().lazy_load_members() || scope.filter->timeline().lazy_load_members();
  const std::int64_t before = whole || scope.full_state ? 0
                              : walk.more               ? co_await root_at(membership.room, scope.from)
                                                        : start;
  if (before != end) {
    if (before == 0) {
      state = co_await whole_state(membership.room, end, lazy);
    } else {
      for (const auto& [was, is] : co_await caches_.state_difference(membership.room, before, end)) {
        if (is != 0) {
          state.push_back(is);
        }
      }
      part.membership_changed = true;
    }
  }
  part.state = co_await caches_.events(std::move(state));
  std::vector<StoredEventPtr> beside;
  if (walk.dropped && !scope.state_after && start != part.root) {
    beside = co_await state_beside(part, membership.room, start);
  }
  if (lazy) {
    std::unordered_set<std::string_view> wanted{scope.requester->user().view()};
    for (const StoredEventPtr& event : part.timeline) {
      wanted.insert(event->event->sender());
    }
    std::vector<std::string> names;
    if (before == 0) {
      names = co_await heroes(scope, membership.room, part.root);
    }
    wanted.insert(names.begin(), names.end());
    if (before == 0) {
      std::erase_if(beside, [&wanted](const StoredEventPtr& event) {
        return event->event->type() == "m.room.member" &&
               !wanted.contains(event->event->state_key().value_or(""));
      });
    }
    std::unordered_set<std::string_view> present;
    for (const std::vector<StoredEventPtr>* list : {&part.state, &beside}) {
      for (const StoredEventPtr& event : *list) {
        if (event->event->type() == "m.room.member") {
          present.insert(event->event->state_key().value_or(""));
        }
      }
    }
    std::vector<storage::InternView> texts;
    for (const std::string_view user : wanted) {
      if (!present.contains(user) && (!part.timeline.empty() || before != end)) {
        texts.push_back({"m.room.member", user});
      }
    }
    if (!texts.empty()) {
      std::vector<std::int64_t> keys;
      for (const std::optional<std::int64_t>& key :
           co_await interner_.lookup(storage::InternKind::StateKey, std::move(texts))) {
        if (key) {
          keys.push_back(*key);
        }
      }
      std::vector<std::int64_t> members =
          co_await caches_.state_events(membership.room, end, std::move(keys));
      std::erase(members, 0);
      for (StoredEventPtr& member : co_await caches_.events(std::move(members))) {
        part.state.push_back(std::move(member));
      }
    }
  }
  std::ranges::move(beside, std::back_inserter(part.state));
  std::erase_if(part.state, [&scope](const StoredEventPtr& event) {
    return !scope.filter->state().matches(*event->event);
  });
  co_return part;
}

// Who was in the room once, or should have been: the first of them.
Task<std::vector<std::string>> SyncSection::former_members(const SyncScope& scope, std::int64_t room,
                                                           std::int64_t root) {
  const std::vector<RoomCaches::StateItem> items = co_await caches_.all_state(room, root);
  std::vector<std::int64_t> keys;
  for (const RoomCaches::StateItem& item : items) {
    keys.push_back(item.key);
  }
  const std::vector<storage::InternText> texts =
      co_await interner_.texts(storage::InternKind::StateKey, std::move(keys));
  std::vector<std::int64_t> events;
  for (std::size_t i = 0; i < items.size() && events.size() < kMostFormer; ++i) {
    if (texts[i].first == "m.room.member" && texts[i].second != scope.requester->user().view()) {
      events.push_back(items[i].event);
    }
  }
  std::vector<StoredEventPtr> members = co_await caches_.events(std::move(events));
  std::erase_if(members, [](const StoredEventPtr& member) {
    const json::Value membership = member->event->content()["membership"];
    return !membership.equals("leave") && !membership.equals("ban");
  });
  std::ranges::sort(members, {}, [](const StoredEventPtr& member) { return member->position; });
  std::vector<std::string> names;
  for (const StoredEventPtr& member : members) {
    if (names.size() < kHeroes) {
      names.emplace_back(member->event->state_key().value_or(""));
    }
  }
  co_return names;
}

// After whom a room is named that has no name. spec: Client-Server API, "Syncing", RoomSummary
Task<std::vector<std::string>> SyncSection::heroes(const SyncScope& scope, std::int64_t room,
                                                   std::int64_t root) {
  std::vector<storage::InternView> texts{{"m.room.name", ""}, {"m.room.canonical_alias", ""}};
  std::vector<std::int64_t> keys;
  for (const std::optional<std::int64_t>& key :
       co_await interner_.lookup(storage::InternKind::StateKey, std::move(texts))) {
    if (key) {
      keys.push_back(*key);
    }
  }
  std::vector<std::string> names;
  const std::vector<std::int64_t> named = co_await caches_.state_events(room, root, std::move(keys));
  if (std::ranges::any_of(named, [](std::int64_t event) { return event != 0; })) {
    co_return names;
  }
  const RoomMembers members = co_await caches_.members_of(room);
  std::vector<std::int64_t> others;
  for (const std::int64_t member : members->first) {
    if (member != scope.user && others.size() < kHeroes) {
      others.push_back(member);
    }
  }
  if (others.empty()) {
    co_return co_await former_members(scope, room, root);
  }
  for (storage::InternText& name : co_await interner_.texts(storage::InternKind::User, std::move(others))) {
    names.push_back(std::move(name.first));
  }
  co_return names;
}

Task<std::string> SyncSection::summary(const SyncScope& scope, std::int64_t room, std::int64_t root) {
  const RoomMembers members = co_await caches_.members_of(room);
  const std::vector<std::string> names = co_await heroes(scope, room, root);
  std::string out;
  json::Writer writer{out};
  writer.begin_object();
  if (!names.empty()) {
    writer.key("m.heroes").begin_array();
    for (const std::string& name : names) {
      writer.value(name);
    }
    writer.end_array();
  }
  writer.key("m.invited_member_count").value(static_cast<std::int64_t>(members->invited.size()));
  writer.key("m.joined_member_count").value(static_cast<std::int64_t>(members->joined.size()));
  writer.end_object();
  co_return out;
}

Reader SyncSection::reader_of(const SyncScope& scope, std::string_view transactions) const {
  return {.user_id = scope.requester->user().view(),
          .transaction_scope = transactions,
          .now_ts = runtime_.now_ms(),
          .federation = scope.filter->federation_format()};
}

Task<StoredEventPtr> SyncSection::replaced_by(StoredEventPtr event) {
  if (!event->event->is_state() || event->state_before == 0) {
    co_return nullptr;
  }
  const auto differences =
      co_await caches_.state_difference(event->room, event->state_before, event->state_after);
  const auto own = std::ranges::find_if(
      differences, [&event](const auto& difference) { return difference.second == event->number; });
  if (own == differences.end() || own->first == 0) {
    co_return nullptr;
  }
  const std::vector<StoredEventPtr> former = co_await caches_.events(std::vector<std::int64_t>{own->first});
  co_return former.front();
}

Task<void> SyncSection::append_timeline(const SyncScope& scope, Part& part, std::vector<std::string>& out) {
  const std::string transactions = service::transaction_scope(*scope.requester);
  const Reader reader = reader_of(scope, transactions);
  const Bundles bundles =
      co_await bundle(caches_, database_, *part.visibility, reader, scope.user, part.timeline, true);
  out.reserve(out.size() + part.timeline.size());
  for (const StoredEventPtr& event : part.timeline) {
    const StoredEventPtr replaced = co_await part.visibility->as_former(co_await replaced_by(event));
    const auto relations = bundles.find(event->number);
    append_client_form(out.emplace_back(), *event, reader,
                       {.replaced = replaced ? replaced->event.get() : nullptr,
                        .membership = part.visibility->membership_at(*event),
                        .relations = relations == bundles.end() ? std::string_view{} : relations->second},
                       true);
  }
}

// What the state was before is known to who follows it, and of no use to who begins.
Task<void> SyncSection::append_state(const SyncScope& scope, const Part& part,
                                     std::vector<std::string>& out) {
  const std::string transactions = service::transaction_scope(*scope.requester);
  const Reader reader = reader_of(scope, transactions);
  out.reserve(out.size() + part.state.size());
  for (const StoredEventPtr& event : part.state) {
    const StoredEventPtr replaced = scope.initial ? nullptr : co_await replaced_by(event);
    append_client_form(out.emplace_back(), *event, reader,
                       {.replaced = replaced ? replaced->event.get() : nullptr}, true);
  }
}

Task<void> SyncSection::joined_room(const SyncScope& scope, const RoomMembership& membership,
                                    SyncResponse& response) {
  const bool changed =
      !scope.initial && !scope.from.covers(StreamNumber::kEvents, membership.writer, membership.position);
  bool whole = scope.initial;
  if (changed) {
    whole = !co_await was_joined(scope, membership);
  } else if (!scope.initial && !scope.full_state) {
    const TimelinePtr timeline = co_await caches_.timeline(membership.room);
    if (!timeline || in_past(scope.from, *timeline->event)) {
      co_return;
    }
  }
  std::optional<RoomName> name = caches_.cached_name(membership.room);
  if (!name) {
    name = co_await caches_.name(membership.room);
  }
  if (!scope.filter->wants_room(name->id.view())) {
    co_return;
  }
  Part part =
      co_await this->part(scope, membership, membership, whole, std::numeric_limits<std::int64_t>::max());
  service::JoinedRoomSync room;
  room.room = membership.room;
  room.room_id = name->id.str();
  room.newly_joined = whole;
  // A gap is news, but not to whoever wants no events.
  room.limited = part.limited && scope.filter->timeline().limit(kTimelineLimit) != 0;
  room.prev_batch = std::move(part.prev_batch);
  co_await append_timeline(scope, part, room.timeline);
  co_await append_state(scope, part, room.state);
  if (part.membership_changed) {
    room.summary = co_await summary(scope, membership.room, part.root);
  }
  if (whole || !room.empty()) {
    room.limited = part.limited;
    response.joined.push_back(std::move(room));
  }
}

// A client that begins is not told of rooms that its user has left, but of those the user was thrown out of.
Task<bool> SyncSection::is_shown_from_the_start(const SyncScope& scope, const RoomMembership& membership) {
  if (scope.filter->include_leave() || membership.membership == MembershipCode::kBan) {
    co_return true;
  }
  const std::vector<StoredEventPtr> own =
      co_await caches_.events(std::vector<std::int64_t>{membership.event});
  co_return own.front()->sender != scope.user;
}

Task<bool> SyncSection::is_world_readable(const matrix::RoomId& room) {
  const matrix::EventPtr visibility =
      co_await services_.get<service::Rooms>().current_state(room, "m.room.history_visibility", "");
  co_return visibility && visibility->content()["history_visibility"].equals("world_readable");
}

Task<void> SyncSection::left_room(const SyncScope& scope, const RoomMembership& membership,
                                  SyncResponse& response) {
  const RoomName name = co_await caches_.name(membership.room);
  if (!scope.filter->wants_room(name.id.view())) {
    co_return;
  }
  const std::string user = scope.requester->user().str();
  const std::optional<RoomMembership> stay = co_await last_stay(caches_, interner_, user, membership);
  Part part = co_await this->part(scope, membership, stay, scope.initial, membership.position);
  if (!stay || stay->event != membership.event) {
    // What changed in the room while the user was not in it is not the user's to know.
    std::erase_if(part.state, [&stay, &user](const StoredEventPtr& event) {
      const bool own = event->event->type() == "m.room.member" && event->event->state_key() == user;
      return !own && (!stay || event->position > stay->position);
    });
  }
  if ((!stay || membership.forgotten) && !co_await is_world_readable(name.id)) {
    // Whom the room's history is closed to is shown no gap there: nothing would fill it.
    part.limited = false;
    part.prev_batch.clear();
  }
  service::LeftRoomSync room;
  room.room_id = name.id.str();
  room.limited = part.limited;
  room.prev_batch = std::move(part.prev_batch);
  co_await append_timeline(scope, part, room.timeline);
  co_await append_state(scope, part, room.state);
  response.left.push_back(std::move(room));
}

Task<void> SyncSection::append_keys_of_types(std::int64_t room, std::int64_t root,
                                             std::vector<std::int64_t>& keys) {
  std::vector<std::int64_t> all;
  for (const RoomCaches::StateItem& item : co_await caches_.all_state(room, root)) {
    all.push_back(item.key);
  }
  const std::vector<storage::InternText> texts =
      co_await interner_.texts(storage::InternKind::StateKey, std::vector<std::int64_t>{all});
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool wanted = std::ranges::find(prejoin_.whole_types, texts[i].first) != prejoin_.whole_types.end();
    if (wanted && std::ranges::find(keys, all[i]) == keys.end()) {
      keys.push_back(all[i]);
    }
  }
}

Task<void> SyncSection::invited_room(const SyncScope& scope, const RoomMembership& membership,
                                     SyncResponse& response) {
  const RoomName name = co_await caches_.name(membership.room);
  if (!scope.filter->wants_room(name.id.view())) {
    co_return;
  }
  const std::vector<StoredEventPtr> own =
      co_await caches_.events(std::vector<std::int64_t>{membership.event});
  if (membership.membership == MembershipCode::kInvite) {
    const IgnoredUsers ignored = co_await ignored_by(services_, scope.user);
    if (ignored && ignored->contains(std::string{own.front()->event->sender()})) {
      co_return;
    }
  }
  std::vector<storage::InternView> texts;
  for (const auto& [type, state_key] : prejoin_.entries) {
    texts.push_back({type, state_key});
  }
  texts.push_back({"m.room.member", own.front()->event->sender()});
  std::vector<std::int64_t> keys;
  for (const std::optional<std::int64_t>& key :
       co_await interner_.lookup(storage::InternKind::StateKey, std::move(texts))) {
    if (key) {
      keys.push_back(*key);
    }
  }
  if (!prejoin_.whole_types.empty()) {
    co_await append_keys_of_types(membership.room, own.front()->state_after, keys);
  }
  // The state as it was when the invitation came: what changes afterwards is not the invited user's to know.
  std::vector<std::int64_t> numbers =
      co_await caches_.state_events(membership.room, own.front()->state_after, std::move(keys));
  std::erase(numbers, 0);
  std::erase(numbers, membership.event);
  std::vector<StoredEventPtr> events = co_await caches_.events(std::move(numbers));
  events.push_back(own.front());
  std::vector<std::string> stripped;
  for (const StoredEventPtr& event : events) {
    matrix::append_client_event(stripped.emplace_back(), *event->event,
                                {.unsigned_json = {}, .stripped = true});
  }
  (membership.membership == MembershipCode::kInvite ? response.invited : response.knocked)
      .emplace_back(name.id.str(), std::move(stripped));
}

}  // namespace lares::events
