// SPDX-License-Identifier: Apache-2.0
#include "received_events.hpp"

#include <lares/storage/transaction.hpp>

#include <string_view>
#include <tuple>
#include <unordered_set>

namespace lares::events {

using service::StoredEvent;
using storage::Bytes;
using storage::ColumnType;
using storage::Engine;
using storage::Row;
using storage::WriteTransaction;

namespace {

constexpr storage::Statement kDrawBackwards{
    storage::Sql{"UPDATE events_backfill_sequence SET value = value + $1 WHERE id = 1 RETURNING value",
                 "SELECT nextval('events_backfill_sequence') FROM generate_series(1, $1::bigint)"}};

constexpr storage::LookupMany kKnown{
    .select = "1", .from = "events e", .keys = {{{"e.event_id", ColumnType::Bytes}}}};
constexpr storage::LookupMany kPlaced{.select = "1",
                                      .from = "events e",
                                      .keys = {{{"e.event_id", ColumnType::Bytes}}},
                                      .where = "e.position IS NOT NULL"};

constexpr storage::InsertMany kOpenHoles{"room_holes",
                                         {{{"room", ColumnType::Integer},
                                           {"missing", ColumnType::Bytes},
                                           {"event", ColumnType::Integer},
                                           {"depth", ColumnType::Integer}}},
                                         "ON CONFLICT DO NOTHING"};
constexpr storage::ChangeMany kCloseHoles{"room_holes",
                                          {{{"room", ColumnType::Integer}, {"missing", ColumnType::Bytes}}}};
constexpr storage::Statement kHoles{
    "SELECT event, depth, missing FROM room_holes WHERE room = $1 AND depth <= $2 ORDER BY depth DESC, "
    "event, "
    "missing LIMIT $3"};

std::vector<EventRow> rows_of(std::span<const PreparedEvent> events) {
  std::vector<EventRow> rows;
  rows.reserve(events.size());
  for (const PreparedEvent& event : events) {
    rows.push_back({&event, event.stored->event->header()});
  }
  return rows;
}

void draw_backwards(WriteTransaction& tx, std::span<const PreparedEvent> events, stream::WriterNumber self) {
  std::vector<std::int64_t> drawn;
  tx.each(kDrawBackwards, static_cast<std::int64_t>(events.size()),
          [&drawn](const Row& row) { drawn.push_back(row.i64(0)); });
  for (std::size_t i = 0; i < events.size(); ++i) {
    // The newest of them is the nearest to what is known, and its number the nearest to zero.
    const std::size_t from_newest = events.size() - 1 - i;
    const std::int64_t number =
        tx.engine() == Engine::Sqlite ? drawn.front() - static_cast<std::int64_t>(i) : drawn[from_newest];
    events[i].stored->position = -number;
    events[i].stored->writer = self;
  }
}

}  // namespace

void insert_outliers(WriteTransaction& tx, std::span<const PreparedEvent> events) {
  std::vector<EventRow> rows = rows_of(events);
  std::unordered_set<std::size_t> known;
  tx.lookup_many(
      kKnown, rows, [](const EventRow& row) { return Bytes{row.event->stored->event->event_id()}; },
      [&known](std::size_t index, const Row&) { known.insert(index); });
  std::vector<EventRow> fresh;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!known.contains(i)) {
      fresh.push_back(std::move(rows[i]));
    }
  }
  insert_events(tx, fresh);
}

void insert_backfilled(WriteTransaction& tx, stream::WriterNumber self,
                       std::span<const PreparedEvent> events) {
  draw_backwards(tx, events, self);
  insert_events(tx, rows_of(events));
  std::vector<const PreparedEvent*> all;
  std::vector<const PreparedEvent*> related;
  for (const PreparedEvent& event : events) {
    all.push_back(&event);
    if (event.relation && !event.relation->rel_type.empty()) {
      related.push_back(&event);
    }
  }
  insert_relations(tx, related);
  settle_holes(tx, all);
}

void settle_holes(WriteTransaction& tx, std::span<const PreparedEvent* const> events) {
  struct Named {
    const StoredEvent* by;
    std::string_view id;
  };
  std::vector<Named> named;
  for (const PreparedEvent* event : events) {
    for (const std::string_view prev : event->stored->event->prev_events()) {
      named.push_back({event->stored.get(), prev});
    }
  }
  std::unordered_set<std::size_t> there;
  tx.lookup_many(
      kPlaced, named, [](const Named& one) { return Bytes{one.id}; },
      [&there](std::size_t index, const Row&) { there.insert(index); });
  std::vector<Named> missing;
  for (std::size_t i = 0; i < named.size(); ++i) {
    if (!there.contains(i)) {
      missing.push_back(named[i]);
    }
  }
  tx.change_many(kCloseHoles, events, [](const PreparedEvent* event) {
    return std::tuple{event->stored->room, Bytes{event->stored->event->event_id()}};
  });
  tx.insert_many(kOpenHoles, missing, [](const Named& one) {
    return std::tuple{one.by->room, Bytes{one.id}, one.by->number, one.by->depth};
  });
}

std::vector<Hole> read_holes(storage::ReadTransaction& tx, std::int64_t room, std::int64_t depth,
                             std::size_t limit) {
  std::vector<Hole> holes;
  tx.each(kHoles, room, depth, static_cast<std::int64_t>(limit), [&holes](const Row& row) {
    holes.push_back({.event = row.i64(0), .depth = row.i64(1), .missing = row.bytes_copy(2)});
  });
  return holes;
}

}  // namespace lares::events
