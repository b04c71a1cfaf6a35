// SPDX-License-Identifier: Apache-2.0
#include "event_reader.hpp"

#include <lares/storage/errors.hpp>
#include <lares/storage/transaction.hpp>

#include <fmt/format.h>

#include <unordered_map>

#include "schema.hpp"

namespace lares::events {

using service::StoredEvent;
using service::StoredEventPtr;
using storage::Bytes;
using storage::ColumnType;
using storage::ReadTransaction;
using storage::Row;

namespace {

#define LARES_EVENT_COLUMNS                                                                            \
  "e.event, e.room, e.writer, e.position, e.depth, e.sender, e.state_before, e.state_after, e.flags, " \
  "e.redacted_by, e.header, e.body, h.version, t.scope, t.txn_id, e.thread"
#define LARES_EVENT_FROM \
  "events e JOIN room_heads h ON h.room = e.room LEFT JOIN event_transactions t ON t.event = e.event"

constexpr storage::LookupMany kByNumber{
    .select = LARES_EVENT_COLUMNS, .from = LARES_EVENT_FROM, .keys = {{{"e.event", ColumnType::Integer}}}};
constexpr storage::Statement kById{"SELECT " LARES_EVENT_COLUMNS " FROM " LARES_EVENT_FROM
                                   " WHERE e.event_id = $1"};
// What was rejected or has soft-failed is shown to nobody, and its state is not the room's.
static_assert((kRejected | kSoftFailed) == 3);
constexpr storage::Statement kNewest{
    "SELECT " LARES_EVENT_COLUMNS " FROM " LARES_EVENT_FROM
    " WHERE e.room = $1 AND e.position > $2 AND e.position <= $3 AND (e.flags & 3) = 0 "
    "ORDER BY e.position DESC LIMIT $4"};
constexpr storage::Statement kBackwards{
    "SELECT " LARES_EVENT_COLUMNS " FROM " LARES_EVENT_FROM
    " WHERE e.room = $1 AND (e.depth, e.position) < ($2, $3) AND e.position <= $4 "
    "ORDER BY e.depth DESC, e.position DESC LIMIT $5"};
constexpr storage::Statement kForwards{
    "SELECT " LARES_EVENT_COLUMNS " FROM " LARES_EVENT_FROM
    " WHERE e.room = $1 AND (e.depth, e.position) > ($2, $3) AND e.position <= $4 "
    "ORDER BY e.depth, e.position LIMIT $5"};
constexpr storage::Statement kWritten{"SELECT " LARES_EVENT_COLUMNS " FROM " LARES_EVENT_FROM
                                      " WHERE e.position > $1 AND e.position <= $2 AND e.writer = $3 "
                                      "ORDER BY e.position LIMIT $4"};
constexpr storage::Statement kNotifying{
    "SELECT e.event, e.position, e.thread, e.flags, e.redacted_by, e.sender, r.position FROM events e "
    "LEFT JOIN events r ON r.event = e.redacted_by WHERE e.room = $1 AND e.position > $2 "
    "AND e.position <= $3 AND (e.flags & 3) = 0 AND (e.sender <> $4 OR (e.flags & $7) <> 0) "
    "AND (e.thread IS NOT NULL OR (e.flags & $6) <> 0 OR e.redacted_by IS NOT NULL) "
    "ORDER BY e.position LIMIT $5"};
constexpr std::int64_t kMostNotifying = 10'000;
// Of a room, for the newest event that a place covers: as a rule it is the first one. A place is what a
// client says, so it does not make anybody look through a whole room.
constexpr std::size_t kLookedThrough = 10;
constexpr std::size_t kMostLookedThrough = 1'000;
constexpr storage::Statement kHead{
    "SELECT version, state, next_block, extremities FROM room_heads WHERE room = $1"};

#undef LARES_EVENT_COLUMNS
#undef LARES_EVENT_FROM

struct Read {
  std::shared_ptr<StoredEvent> stored;
  std::int64_t redacted_by = 0;
};

Read take(const Row& row) {
  const matrix::RoomVersion* version = matrix::find_room_version(row.text(12));
  if (version == nullptr) {
    throw storage::Corrupt{
        fmt::format("Room number {} has the unknown version {}.", row.i64(1), row.text(12))};
  }
  auto event = matrix::Event::restore(row.bytes(11), row.bytes(10), *version);
  if (!event) {
    throw storage::Corrupt{
        fmt::format("Event number {} cannot be read: {}.", row.i64(0), matrix::describe(event.error()))};
  }
  auto stored = std::make_shared<StoredEvent>();
  stored->event = std::move(*event);
  stored->number = row.i64(0);
  stored->room = row.i64(1);
  stored->writer = static_cast<stream::WriterNumber>(row.i64(2));
  stored->position = row.maybe_i64(3).value_or(0);
  stored->depth = row.i64(4);
  stored->sender = row.i64(5);
  stored->state_before = row.maybe_i64(6).value_or(0);
  stored->state_after = row.maybe_i64(7).value_or(0);
  stored->transaction_scope = row.maybe_bytes(13).value_or("");
  stored->transaction_id = row.maybe_bytes(14).value_or("");
  stored->thread = row.maybe_i64(15).value_or(0);
  const std::int64_t flags = row.i64(8);
  stored->rejected = (flags & kRejected) != 0;
  stored->soft_failed = (flags & kSoftFailed) != 0;
  return {std::move(stored), row.maybe_i64(9).value_or(0)};
}

// A redacted event is shown in its redacted form from the redaction's commit on, whatever its bytes still
// say.
void apply_redactions(ReadTransaction& tx, std::span<Read> events) {
  std::vector<Read*> redacted;
  for (Read& read : events) {
    if (read.stored && read.redacted_by != 0) {
      redacted.push_back(&read);
    }
  }
  if (redacted.empty()) {
    return;
  }
  tx.lookup_many(
      kByNumber, redacted, [](const Read* read) { return read->redacted_by; },
      [&redacted](std::size_t index, const Row& row) {
        StoredEvent& target = *redacted[index]->stored;
        target.redacted_because = take(row).stored->event;
        target.event = matrix::redact(*target.event);
      });
}

std::vector<StoredEventPtr> finish(ReadTransaction& tx, std::vector<Read> events) {
  apply_redactions(tx, events);
  std::vector<StoredEventPtr> result;
  result.reserve(events.size());
  for (Read& read : events) {
    result.push_back(std::move(read.stored));
  }
  return result;
}

template <class... Arguments>
std::vector<StoredEventPtr> select(ReadTransaction& tx, const storage::Statement& statement,
                                   Arguments... arguments) {
  std::vector<Read> events;
  tx.each(statement, arguments..., [&events](const Row& row) { events.push_back(take(row)); });
  return finish(tx, std::move(events));
}

}  // namespace

std::vector<StoredEventPtr> EventReader::by_number(ReadTransaction& tx,
                                                   std::span<const std::int64_t> numbers) const {
  std::vector<Read> events(numbers.size());
  tx.lookup_many(
      kByNumber, numbers, [](std::int64_t number) { return number; },
      [&events](std::size_t index, const Row& row) { events[index] = take(row); });
  return finish(tx, std::move(events));
}

StoredEventPtr EventReader::by_id(ReadTransaction& tx, std::string_view event_id) const {
  std::vector<StoredEventPtr> found = select(tx, kById, Bytes{event_id});
  return found.empty() ? nullptr : std::move(found.front());
}

std::vector<StoredEventPtr> EventReader::newest(ReadTransaction& tx, std::int64_t room, std::int64_t after,
                                                std::int64_t upto, std::size_t limit) const {
  return select(tx, kNewest, room, after, upto, static_cast<std::int64_t>(limit));
}

StoredEventPtr EventReader::newest_covered(ReadTransaction& tx, std::int64_t room,
                                           const stream::StreamPosition& at) const {
  // Where a writer is ahead of the others, what a slower one has written since may lie on top.
  std::int64_t upto = at.maximum();
  for (const std::size_t count : {kLookedThrough, kMostLookedThrough}) {
    if (upto <= at.minimum()) {
      break;
    }
    const std::vector<StoredEventPtr> found = newest(tx, room, at.minimum(), upto, count);
    for (const StoredEventPtr& event : found) {
      if (at.covers(event->writer, event->position)) {
        return event;
      }
    }
    upto = found.size() < count ? at.minimum() : found.back()->position - 1;
  }
  std::vector<StoredEventPtr> found = newest(tx, room, 0, at.minimum(), 1);
  return found.empty() ? nullptr : std::move(found.front());
}

std::vector<StoredEventPtr> EventReader::history(ReadTransaction& tx, std::int64_t room, std::int64_t depth,
                                                 std::int64_t position, bool backwards, std::int64_t upto,
                                                 std::size_t limit) const {
  return select(tx, backwards ? kBackwards : kForwards, room, depth, position, upto,
                static_cast<std::int64_t>(limit));
}

std::vector<StoredEventPtr> EventReader::written(ReadTransaction& tx, stream::WriterNumber writer,
                                                 std::int64_t from, std::int64_t to,
                                                 std::size_t limit) const {
  return select(tx, kWritten, from, to, static_cast<std::int64_t>(writer), static_cast<std::int64_t>(limit));
}

std::vector<service::NotifyingEvent> EventReader::notifying(ReadTransaction& tx, std::int64_t room,
                                                            std::int64_t reader, std::int64_t after,
                                                            std::int64_t upto) const {
  std::vector<service::NotifyingEvent> events;
  const auto take = [&events, reader, upto](const Row& row) {
    const std::int64_t flags = row.i64(3);
    // Counts of the main timeline are numbers, from which a redaction is taken back when it is come to: what
    // it is about counts until then. Events of threads are kept one by one.
    const bool redacted =
        row.maybe_i64(4).has_value() && (row.maybe_i64(2) || row.maybe_i64(6).value_or(0) <= upto);
    const auto notify = static_cast<service::Notify>((flags & kNotifyMask) >> kNotifyShift);
    events.push_back({.number = row.i64(0),
                      .position = row.i64(1),
                      .thread = row.maybe_i64(2).value_or(0),
                      .notify = redacted || row.i64(5) == reader ? service::Notify::kNothing : notify,
                      .redacted = redacted,
                      .redacts = (flags & kRedacts) != 0});
  };
  tx.each(kNotifying, room, after, upto, reader, kMostNotifying, kNotifyMask | kRedacts,
          static_cast<std::int64_t>(kRedacts), take);
  return events;
}

std::unique_ptr<RoomHead> EventReader::head(ReadTransaction& tx, std::int64_t room,
                                            const matrix::RoomId& id) const {
  return tx
      .maybe(kHead, room,
             [room, &id](const Row& row) {
               const matrix::RoomVersion* version = matrix::find_room_version(row.text(0));
               auto extremities = decode_extremities(row.bytes(3));
               if (version == nullptr || !extremities) {
                 throw storage::Corrupt{fmt::format("The head of room {} cannot be read.", id.view())};
               }
               return std::make_unique<RoomHead>(room, id, *version, row.i64(1), row.i64(2),
                                                 std::move(*extremities));
             })
      .value_or(nullptr);
}

std::optional<RoomFacts> read_room_facts(ReadTransaction& tx, std::int64_t room) {
  return tx.maybe(kHead, room, [room](const Row& row) {
    return RoomFacts{.room = room, .version = matrix::find_room_version(row.text(0)), .state = row.i64(1)};
  });
}

}  // namespace lares::events
