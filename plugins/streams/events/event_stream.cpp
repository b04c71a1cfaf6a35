// SPDX-License-Identifier: Apache-2.0
#include "event_stream.hpp"

#include <lares/base/log.hpp>
#include <lares/json/value.hpp>
#include <lares/json/writer.hpp>
#include <lares/storage/transaction.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "relation.hpp"

namespace lares::events {

using service::StoredEvent;
using service::StoredEventPtr;
using stream::StreamNumber;

namespace {

constexpr storage::Statement kPresent{
    storage::Sql{"SELECT value FROM events_sequence WHERE id = 1",
                 "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM events_sequence"}};

constexpr storage::Statement kCommittedBeyond{
    "SELECT writer, MAX(position) FROM events WHERE position > $1 GROUP BY writer"};

constexpr std::size_t kAppliedAtOnce = 1'000;

void value_or_null(json::Writer& writer, std::optional<std::string_view> value) {
  if (value) {
    writer.value(*value);
  } else {
    writer.null();
  }
}

// ["ev", [event_id, room_id, type, state_key, redacts, relates_to, membership, rejected, outlier]]
std::string event_row(const StoredEvent& stored) {
  const matrix::Event& event = *stored.event;
  const std::optional<Relation> relation = relation_of(event.content());
  std::string out;
  json::Writer writer{out};
  writer.begin_array().value("ev").begin_array();
  writer.value(event.event_id()).value(event.room_id()).value(event.type());
  value_or_null(writer, event.state_key());
  value_or_null(writer, event.redacts());
  value_or_null(writer, relation ? std::optional<std::string_view>{relation->event_id} : std::nullopt);
  if (event.type() == "m.room.member") {
    writer.value(event.content()["membership"].to_string().value_or(""));
  } else {
    writer.null();
  }
  writer.value(stored.rejected).value(false).end_array().end_array();
  return out;
}

// ["state", [room_id, type, state_key, event_id]]
std::string state_row(const matrix::Event& event) {
  std::string out;
  json::Writer writer{out};
  writer.begin_array().value("state").begin_array();
  writer.value(event.room_id()).value(event.type()).value(*event.state_key()).value(event.event_id());
  writer.end_array().end_array();
  return out;
}

// What a room's writer builds upon its head is the room's state from then on; whatever else it stores leaves
// the state as it is.
void add_rows(const StoredEvent& stored, std::vector<stream::Row>& rows) {
  rows.push_back({stored.position, event_row(stored)});
  if (stored.event->is_state() && !stored.rejected && !stored.soft_failed) {
    rows.push_back({stored.position, state_row(*stored.event)});
  }
}

}  // namespace

EventStream::EventStream(storage::Database& database, storage::Interner& interner, stream::Hub& hub,
                         stream::Notifier& notifier, RoomCaches& caches, const EventReader& reader)
    : database_(database),
      interner_(interner),
      hub_(hub),
      notifier_(notifier),
      caches_(caches),
      reader_(reader) {}

// Positions of the sequence that are drawn and not yet committed belong to writers that announce theirs.
Task<std::int64_t> EventStream::present(storage::Database& database) {
  co_return co_await database.read("events_present", [](storage::ReadTransaction& tx) {
    return tx.one(kPresent, [](const storage::Row& row) { return row.i64(0); });
  });
}

Task<std::vector<stream::StreamPosition::Ahead>> EventStream::committed_beyond(storage::Database& database,
                                                                               stream::StreamPosition here) {
  co_return co_await database.read("events_committed", [&here](storage::ReadTransaction& tx) {
    std::vector<stream::StreamPosition::Ahead> found;
    tx.each(kCommittedBeyond, here.minimum(), [&found, &here](const storage::Row& row) {
      const auto writer = static_cast<stream::WriterNumber>(row.i64(0));
      if (!here.covers(writer, row.i64(1))) {
        found.push_back({writer, row.i64(1)});
      }
    });
    return found;
  });
}

Task<void> EventStream::apply(stream::WriterNumber writer, std::span<const stream::Row> rows,
                              std::int64_t upto) {
  if (rows.empty()) {
    co_return;
  }
  if (co_await pass_over(rows)) {
    co_return;
  }
  // Rows name events; the events are in the database, which is read for all of them at once. What it has from
  // this writer since the last position counts, whether or not a row for it arrived.
  const stream::StreamPosition here = hub_.position(StreamNumber::kEvents);
  std::int64_t from = here.of(writer);
  for (;;) {
    std::vector<StoredEventPtr> events =
        co_await database_.read("events_written", [this, writer, from, upto](storage::ReadTransaction& tx) {
          return reader_.written(tx, writer, from, upto, kAppliedAtOnce);
        });
    std::vector<AppliedEvent> applied;
    applied.reserve(events.size());
    for (StoredEventPtr& event : events) {
      AppliedEvent one{.stored = event, .late = event->position < here.maximum()};
      if (event->event->type() == "m.room.member" && event->event->state_key()) {
        one.member = co_await interner_.intern_user(*event->event->state_key());
        one.joined = event->event->content()["membership"].equals("join");
      }
      if (event->event->redacts()) {
        const std::string target{*event->event->redacts()};
        const StoredEventPtr found = co_await database_.read(
            "redacted_event",
            [this, &target](storage::ReadTransaction& tx) { return reader_.by_id(tx, target); });
        one.redacts = found && found->redacted_because ? found->number : 0;
      }
      if (const std::optional<Relation> relation = relation_of(event->event->content())) {
        const StoredEventPtr target =
            co_await database_.read("related_event", [this, &relation](storage::ReadTransaction& tx) {
              return reader_.by_id(tx, relation->event_id);
            });
        one.target = target && target->room == event->room ? target->number : 0;
      }
      applied.push_back(std::move(one));
    }
    caches_.apply(applied);
    for (AppliedEvent& one : applied) {
      if (one.late && one.member != 0) {
        one.joined = co_await is_joined(one.member, one.stored->room);
      }
    }
    const std::size_t count = applied.size();
    std::ranges::move(applied, std::back_inserter(to_wake_));
    if (count < kAppliedAtOnce) {
      co_return;
    }
    from = events.back()->position;
  }
}

Task<bool> EventStream::is_joined(std::int64_t user, std::int64_t room) {
  const UserRooms rooms = co_await caches_.rooms_of(user);
  const auto found = std::ranges::lower_bound(*rooms, room, {}, &RoomMembership::room);
  co_return found != rooms->end() && found->room == room && found->membership == MembershipCode::kJoin;
}

// Most processes hold nothing of most rooms, and need not read what was said in them: a reader of the room
// will.
Task<bool> EventStream::pass_over(std::span<const stream::Row> rows) {
  std::vector<PassedOver> passed;
  for (const stream::Row& row : rows) {
    const nlohmann::json fields = nlohmann::json::parse(row.json, nullptr, false);
    if (!fields.is_array() || fields.size() != 2 || !fields[0].is_string() || !fields[1].is_array()) {
      co_return false;
    }
    if (fields[0] != "ev") {
      continue;  // says in other words what the event's row says
    }
    const nlohmann::json& event = fields[1];
    // Fields that a newer release has added come last.
    if (event.size() < 9 || !event[1].is_string() || event[2] == "m.room.member" || !event[4].is_null() ||
        !event[5].is_null()) {
      co_return false;
    }
    const std::optional<std::int64_t> room =
        co_await interner_.lookup_room(event[1].get_ref<const std::string&>());
    if (!room || caches_.holds_timeline(*room)) {
      co_return false;
    }
    passed.push_back({*room, row.position});
  }
  for (const PassedOver& event : passed) {
    caches_.pass_over(event.room);
  }
  const bool any = !passed.empty();
  std::ranges::move(passed, std::back_inserter(passed_over_));
  co_return any;
}

void EventStream::wake(stream::WriterNumber writer, std::span<const stream::Row>, std::int64_t) {
  notify(std::exchange(to_wake_, {}));
  for (const PassedOver& event : std::exchange(passed_over_, {})) {
    notifier_.room(event.room, StreamNumber::kEvents, writer, event.position);
  }
}

Task<stream::Updates> EventStream::updates(stream::WriterNumber writer, std::int64_t from, std::int64_t to,
                                           std::size_t limit) {
  const std::vector<StoredEventPtr> events = co_await database_.read(
      "events_updates", [this, writer, from, to, limit](storage::ReadTransaction& tx) {
        return reader_.written(tx, writer, from, to, limit);
      });
  stream::Updates updates;
  for (const StoredEventPtr& event : events) {
    add_rows(*event, updates.rows);
  }
  updates.limited = events.size() == limit;
  updates.upto = updates.limited ? events.back()->position : to;
  co_return updates;
}

void EventStream::committed(std::span<const AppliedEvent> events) {
  caches_.apply(events);
  std::vector<StoredEventPtr> stored;
  stored.reserve(events.size());
  for (const AppliedEvent& event : events) {
    stored.push_back(event.stored);
  }
  hub_.committed(StreamNumber::kEvents, events.back().stored->position, [stored = std::move(stored)] {
    std::vector<stream::Row> rows;
    rows.reserve(stored.size());
    for (const StoredEventPtr& event : stored) {
      add_rows(*event, rows);
    }
    return rows;
  });
  notify(events);
}

void EventStream::notify(std::span<const AppliedEvent> events) {
  for (const AppliedEvent& applied : events) {
    const StoredEvent& stored = *applied.stored;
    if (applied.member != 0) {
      if (applied.joined) {
        notifier_.joined(applied.member, stored.room);
      } else {
        notifier_.left(applied.member, stored.room);
      }
      const std::int64_t member = applied.member;
      notifier_.users({&member, 1}, StreamNumber::kEvents, stored.writer, stored.position);
    }
    notifier_.room(stored.room, StreamNumber::kEvents, stored.writer, stored.position);
  }
}

}  // namespace lares::events
