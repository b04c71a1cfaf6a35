// SPDX-License-Identifier: Apache-2.0
#include "counting_sink.hpp"

#include <lares/storage/transaction.hpp>

#include <algorithm>
#include <tuple>

#include "schema.hpp"

namespace lares::push_rules {

using matrix::PushEvent;
using matrix::PushOutcome;
using service::Notify;
using service::StoredEvent;
using service::StoredEventPtr;
using storage::ColumnType;

namespace {

constexpr storage::InsertMany kInsertExceptions{"push_exceptions",
                                                {{{"member", ColumnType::Integer},
                                                  {"room", ColumnType::Integer},
                                                  {"position", ColumnType::Integer},
                                                  {"thread", ColumnType::Integer},
                                                  {"notify", ColumnType::Integer},
                                                  {"created_ts", ColumnType::Integer}}},
                                                "ON CONFLICT DO NOTHING"};
constexpr storage::InsertMany kInsertThreads{
    "push_threads",
    {{{"root", ColumnType::Integer}, {"room", ColumnType::Integer}, {"event_id", ColumnType::Bytes}}},
    "ON CONFLICT DO NOTHING"};
// Counts begin anew with a join: what was counted before is no longer asked for.
constexpr storage::ChangeMany kForget{"push_exceptions",
                                      {{{"member", ColumnType::Integer}, {"room", ColumnType::Integer}}}};

Notify notify_of(const PushOutcome& outcome) noexcept {
  return outcome.highlight ? Notify::kHighlight : outcome.notify ? Notify::kNotify : Notify::kNothing;
}

}  // namespace

CountingSink::CountingSink(Runtime& runtime, const std::string& server_name, storage::Interner& interner,
                           service::Rooms& rooms, UserRulesCache& rules, Audiences& audiences,
                           RecentNotes& notes)
    : runtime_(runtime),
      server_(":" + server_name),
      judging_(runtime, server_name, "action_for_event_by_user"),
      interner_(interner),
      rooms_(rooms),
      rules_(rules),
      audiences_(audiences),
      notes_(notes) {}

Task<void> CountingSink::prepare(std::span<const StoredEventPtr> events,
                                 std::span<service::EventMarks> marks) {
  const Measure measure{judging_};
  verdicts_.clear();
  verdicts_.reserve(events.size());
  now_ts_ = runtime_.now_ms();
  std::map<std::int64_t, Place> places;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const StoredEvent& event = *events[i];
    if (event.rejected || event.soft_failed || event.position < 0) {
      verdicts_.emplace_back();
      continue;
    }
    auto place = places.find(event.room);
    if (place == places.end()) {
      Place opened = co_await open(event);
      place = places.emplace(event.room, std::move(opened)).first;
    }
    Verdict verdict = co_await judge(event, place->second);
    marks[i].notify = verdict.most;
    verdict.redacts = marks[i].redacts;
    verdict.redacts_position = marks[i].redacts_position;
    verdicts_.push_back(std::move(verdict));
  }
}

Task<CountingSink::Place> CountingSink::open(const StoredEvent& event) {
  Place place;
  if (event.event->is_state("m.room.create", "")) {
    auto nobody = std::make_shared<Audience>();
    nobody->joined = std::make_shared<const std::vector<std::int64_t>>();
    place.audience = std::move(nobody);
    place.fresh = true;
    place.power_known = true;
    co_return place;
  }
  matrix::RoomId room_id = event.event->typed_room_id();
  place.audience = co_await audiences_.audience(event.room, std::move(room_id));
  place.joined = static_cast<std::int64_t>(place.audience->joined->size());
  co_return place;
}

bool CountingSink::is_joined(const Place& place, std::int64_t user) {
  if (const auto moved = place.moved.find(user); moved != place.moved.end()) {
    return moved->second;
  }
  return std::ranges::binary_search(*place.audience->joined, user);
}

Task<void> CountingSink::find_power_levels(const StoredEvent& event, Place& place) {
  if (place.power_known) {
    co_return;
  }
  const matrix::RoomId room_id = event.event->typed_room_id();
  if (!place.power_levels) {
    place.power_levels = co_await rooms_.current_state(room_id, "m.room.power_levels", "");
  }
  place.create = co_await rooms_.current_state(room_id, "m.room.create", "");
  place.power_known = true;
}

Task<std::vector<matrix::RelatedEvent>> CountingSink::find_related(const matrix::Event& event) {
  std::vector<matrix::RelatedEvent> found;
  for (matrix::PushRelation& relation : matrix::push_relations(event)) {
    const StoredEventPtr related = co_await rooms_.event(relation.event_id);
    if (related && related->event->room_id() == event.room_id()) {
      found.push_back({std::move(relation), related->event});
    }
  }
  co_return found;
}

Task<CountingSink::Verdict> CountingSink::judge(const StoredEvent& stored, Place& place) {
  const matrix::Event& event = *stored.event;
  Verdict verdict;
  const Audience& audience = *place.audience;
  const auto arrived_needs = [&place](bool (matrix::PushRules::*needs)() const noexcept) {
    return std::ranges::any_of(place.arrived,
                               [needs](const Listener& one) { return (one.rules->compiled.*needs)(); });
  };
  std::vector<matrix::RelatedEvent> related;
  if (audience.needs_related_events || arrived_needs(&matrix::PushRules::needs_related_events)) {
    related = co_await find_related(event);
  }
  const bool asks_power = event.content().at("m.mentions", "room").as_bool().value_or(false) ||
                          audience.needs_power_levels ||
                          arrived_needs(&matrix::PushRules::needs_power_levels);
  if (asks_power) {
    co_await find_power_levels(stored, place);
  }
  const matrix::PowerLevels power{event.version(), place.create.get(), place.power_levels.get()};
  PushEvent subject{
      event, {.joined_members = place.joined, .power_levels = asks_power ? &power : nullptr}, related};
  verdict.most = notify_of(subject.outcome_for_others());

  const std::vector<std::int64_t> deaf = deaf_to(stored, place);
  const auto note = [&verdict, &stored, &deaf](std::int64_t user, Notify notify) {
    if (notify != verdict.most && user != stored.sender && !std::ranges::binary_search(deaf, user)) {
      verdict.others.emplace_back(user, notify);
    }
  };
  const auto hear = [&subject, &note](const Listener& one) {
    note(one.user, notify_of(subject.outcome(one.rules->compiled, one.display_name)));
  };
  // Who has moved within the batch stands among those who arrived, or is gone.
  for (const Listener& one : audience.listeners) {
    if (!place.moved.contains(one.user)) {
      hear(one);
    }
  }
  std::ranges::for_each(place.arrived, hear);
  for (const std::string& mentioned : subject.mentions()) {
    if (!mentioned.ends_with(server_)) {
      continue;
    }
    std::optional<std::int64_t> user = interner_.cached(storage::InternKind::User, {mentioned});
    if (!user) {
      user = co_await interner_.lookup_user(mentioned);
    }
    const auto has_own = [&user](const Listener& one) { return one.user == *user; };
    if (user && is_joined(place, *user) &&
        !(std::ranges::binary_search(audience.listeners, *user, {}, &Listener::user) &&
          !place.moved.contains(*user)) &&
        std::ranges::none_of(place.arrived, has_own)) {
      note(*user, notify_of(subject.predefined_outcome(mentioned)));
    }
  }
  if (verdict.most != Notify::kNothing) {
    for (const std::int64_t user : deaf) {
      verdict.others.emplace_back(user, Notify::kNothing);
    }
  }
  std::ranges::sort(verdict.others);
  if (stored.thread != 0) {
    const json::Value relates = event.content()["m.relates_to"];
    if (relates["rel_type"].equals("m.thread")) {
      verdict.thread_root = relates["event_id"].to_string().value_or("");
    }
  }
  if (event.is_state("m.room.create", "")) {
    place.create = stored.event;
  } else if (event.is_state("m.room.power_levels", "")) {
    place.power_levels = stored.event;
  } else if (event.type() == "m.room.member" && event.is_state()) {
    co_await move_member(stored, place, verdict);
  }
  co_return verdict;
}

std::vector<std::int64_t> CountingSink::deaf_to(const StoredEvent& event, const Place& place) {
  std::vector<std::int64_t> users;
  // State is the room's, whoever set it.
  if ((place.audience->ignoring.empty() && place.ignoring.empty()) || event.event->is_state()) {
    return users;
  }
  const std::string sender{event.event->sender()};
  for (const Ignoring& one : place.audience->ignoring) {
    if (one.ignored->contains(sender) && !place.moved.contains(one.user)) {
      users.push_back(one.user);
    }
  }
  for (const Ignoring& one : place.ignoring) {
    if (one.ignored->contains(sender)) {
      users.push_back(one.user);
    }
  }
  std::ranges::sort(users);
  return users;
}

Task<void> CountingSink::move_member(const StoredEvent& stored, Place& place, Verdict& verdict) {
  const std::string_view member = *stored.event->state_key();
  const std::int64_t user = co_await interner_.intern_user(member);
  const bool was = is_joined(place, user);
  const bool in = stored.event->content()["membership"].equals("join");
  place.joined += static_cast<std::int64_t>(in) - static_cast<std::int64_t>(was);
  place.moved[user] = in;
  std::erase_if(place.arrived, [user](const Listener& one) { return one.user == user; });
  std::erase_if(place.ignoring, [user](const Ignoring& one) { return one.user == user; });
  verdict.member = user;
  if (!member.ends_with(server_)) {
    co_return;
  }
  verdict.in = in;
  verdict.joined = in && !was;
  if (in) {
    UserRulesPtr rules = co_await rules_.rules(user);
    matrix::RoomId room_id = stored.event->typed_room_id();
    std::optional<Listener> one = co_await audiences_.listener(user, std::move(rules), std::move(room_id));
    if (one) {
      one->display_name = stored.event->content()["displayname"].to_string().value_or("");
      place.arrived.push_back(std::move(*one));
    }
    if (IgnoredPtr ignored = co_await audiences_.ignored_by(user)) {
      place.ignoring.push_back({user, std::move(ignored)});
    }
  }
}

void CountingSink::write(storage::WriteTransaction& tx, std::span<const StoredEventPtr> events) {
  struct Exception {
    std::int64_t user;
    const StoredEvent* event;
    std::int64_t notify;
    std::int64_t created_ts;
  };
  std::vector<Exception> exceptions;
  std::vector<std::pair<std::int64_t, std::int64_t>> joins;
  std::vector<std::size_t> threads;
  for (std::size_t i = 0; i < events.size() && i < verdicts_.size(); ++i) {
    const Verdict& verdict = verdicts_[i];
    for (const auto& [user, notify] : verdict.others) {
      exceptions.push_back({user, events[i].get(), static_cast<std::int64_t>(notify), now_ts_});
    }
    if (verdict.joined) {
      const std::pair key{verdict.member, events[i]->room};
      // What this batch had for an earlier stay does not count either.
      std::erase_if(exceptions, [&key](const Exception& one) {
        return one.user == key.first && one.event->room == key.second;
      });
      if (std::ranges::find(joins, key) == joins.end()) {
        joins.push_back(key);
      }
      exceptions.push_back({verdict.member, events[i].get(), kJoinedHere, 0});
    }
    if (!verdict.thread_root.empty()) {
      threads.push_back(i);
    }
  }
  tx.change_many(kForget, joins, [](const auto& join) { return std::tuple{join.first, join.second}; });
  tx.insert_many(kInsertExceptions, exceptions, [](const Exception& one) {
    return std::tuple{one.user,          one.event->room, one.event->position,
                      one.event->thread, one.notify,      one.created_ts};
  });
  tx.insert_many(kInsertThreads, threads, [this, &events](std::size_t i) {
    return std::tuple{events[i]->thread, events[i]->room, storage::Bytes{verdicts_[i].thread_root}};
  });
}

void CountingSink::committed(std::span<const StoredEventPtr> events) noexcept {
  for (std::size_t i = 0; i < events.size() && i < verdicts_.size(); ++i) {
    const StoredEvent& event = *events[i];
    Verdict& verdict = verdicts_[i];
    if (verdict.most != Notify::kNothing || !verdict.others.empty() || verdict.redacts != 0) {
      notes_.add(event.room, {.position = event.position,
                              .sender = event.sender,
                              .thread = event.thread,
                              .notify = verdict.most,
                              .others = std::move(verdict.others),
                              .event = event.number,
                              .redacts = verdict.redacts,
                              .redacts_position = verdict.redacts_position});
    }
    if (verdict.member != 0) {
      audiences_.member_changed(event.room, verdict.member, verdict.in);
    }
  }
}

}  // namespace lares::push_rules
