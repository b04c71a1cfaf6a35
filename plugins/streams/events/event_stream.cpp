// SPDX-License-Identifier: Apache-2.0
#include "event_stream.hpp"

#include <lares/base/log.hpp>
#include <lares/json/value.hpp>
#include <lares/json/writer.hpp>
#include <lares/storage/transaction.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
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

// The `ev` row. spec of the wire: replication inventory, "events rows"
std::string row_of(const StoredEvent& stored) {
  const matrix::Event& event = *stored.event;
  std::string out;
  json::Writer writer{out};
  writer.begin_array().value("ev").begin_object();
  writer.key("event_id").value(event.event_id());
  writer.key("room_id").value(event.room_id());
  writer.key("type").value(event.type());
  if (event.state_key()) {
    writer.key("state_key").value(*event.state_key());
  }
  if (event.redacts()) {
    writer.key("redacts").value(*event.redacts());
  }
  if (event.type() == "m.room.member") {
    writer.key("membership").value(event.content()["membership"].to_string().value_or(""));
  }
  if (const std::optional<Relation> relation = relation_of(event.content())) {
    writer.key("relates_to").value(relation->event_id);
  }
  writer.key("rejected").value(stored.rejected).key("outlier").value(false);
  writer.end_object().end_array();
  return out;
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
    if (!fields.is_array() || fields.size() != 2 || fields[0] != "ev" || !fields[1].is_object()) {
      co_return false;
    }
    const nlohmann::json& event = fields[1];
    const auto room_id = event.find("room_id");
    if (room_id == event.end() || !room_id->is_string() ||
        event.value("type", "m.room.member") == "m.room.member" || event.contains("redacts") ||
        event.contains("relates_to")) {
      co_return false;
    }
    const std::optional<std::int64_t> room =
        co_await interner_.lookup_room(room_id->get_ref<const std::string&>());
    if (!room || caches_.holds_timeline(*room)) {
      co_return false;
    }
    passed.push_back({*room, row.position});
  }
  for (const PassedOver& event : passed) {
    caches_.pass_over(event.room);
  }
  std::ranges::move(passed, std::back_inserter(passed_over_));
  co_return true;
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
    updates.rows.push_back({event->position, row_of(*event)});
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
      rows.push_back({event->position, row_of(*event)});
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
