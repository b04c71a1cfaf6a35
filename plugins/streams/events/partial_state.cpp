// SPDX-License-Identifier: Apache-2.0
#include "partial_state.hpp"

#include <lares/async/runtime.hpp>
#include <lares/storage/transaction.hpp>

#include <chrono>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "schema.hpp"
#include "state_collector.hpp"

namespace lares::events {

using storage::Bytes;
using storage::ColumnType;
using storage::ReadTransaction;
using storage::Row;
using storage::WriteTransaction;

namespace {

constexpr std::string_view kCache = "partial_state_rooms";
// A message of another process may be lost; then the database says so.
constexpr std::chrono::seconds kLookAgain{10};

constexpr storage::Statement kBegin{
    "INSERT INTO partial_state_rooms (room, servers, begun_ts) VALUES ($1, $2, $3) ON CONFLICT (room) DO "
    "UPDATE SET servers = excluded.servers"};
constexpr storage::Statement kEnd{"DELETE FROM partial_state_rooms WHERE room = $1"};
constexpr storage::Statement kIsPartial{"SELECT 1 FROM partial_state_rooms WHERE room = $1"};
constexpr storage::Statement kHasEvents{"SELECT 1 FROM partial_state_events WHERE room = $1 LIMIT 1"};

constexpr storage::InsertMany kNote{"partial_state_events",
                                    {{{"room", ColumnType::Integer}, {"event", ColumnType::Integer}}}};
constexpr storage::ChangeMany kForget{"partial_state_events",
                                      {{{"room", ColumnType::Integer}, {"event", ColumnType::Integer}}}};
constexpr storage::LookupMany kFormer{
    .select = "e.state_before, e.state_after, e.flags",
    .from = "events e JOIN partial_state_events p ON p.room = e.room AND p.event = e.event",
    .keys = {{{"e.event", ColumnType::Integer}}}};
constexpr storage::ChangeMany kReplaceStates{"events",
                                             {{{"event", ColumnType::Integer}}},
                                             {{{"state_before", ColumnType::Integer},
                                               {"state_after", ColumnType::Integer},
                                               {"flags", ColumnType::Integer}}}};
constexpr storage::Statement kCurrent{"SELECT state FROM room_heads WHERE room = $1"};
constexpr storage::Statement kMoveHead{
    "UPDATE room_heads SET state = CASE WHEN $2 = 0 THEN state ELSE $2 END, next_block = CASE WHEN $3 > "
    "next_block THEN $3 ELSE next_block END WHERE room = $1"};

}  // namespace

void note_partial_state(WriteTransaction& tx, std::span<const PreparedEvent* const> events) {
  tx.insert_many(kNote, events, [](const PreparedEvent* event) {
    return std::tuple{event->stored->room, event->stored->number};
  });
}

PartialState::PartialState(TaskGroup& loads, const std::string& server_name, storage::Database& database,
                           storage::Interner& interner, service::CacheStream& stream, RoomCaches& caches)
    : database_(database),
      interner_(interner),
      stream_(stream),
      caches_(caches),
      runtime_(loads.runtime()),
      partial_(loads, {.name = "partial_state_rooms", .server_name = server_name, .max_size = 20'000}) {
  stream.add(kCache, [this](std::string_view room_id) { drop(room_id); });
}

void PartialState::drop(std::string_view room_id) {
  caches_.drop_states();
  if (const auto room = interner_.cached(storage::InternKind::Room, {.first = room_id})) {
    partial_.invalidate(*room);
  } else {
    partial_.invalidate_all();
  }
  changed_.notify();
}

Task<void> PartialState::commit(std::int64_t room, std::function<void(WriteTransaction&)> change) {
  const std::vector<storage::InternText> names = co_await interner_.texts(storage::InternKind::Room, {room});
  const std::string& room_id = names.front().first;
  const std::int64_t now_ts = runtime_.now_ms();
  const std::int64_t position = co_await database_.write("partial_state", [&](WriteTransaction& tx) {
    change(tx);
    return stream_.invalidate(tx, kCache, room_id, now_ts);
  });
  stream_.committed(kCache, room_id, position);
}

Task<void> PartialState::begin(std::int64_t room, std::string servers, std::int64_t now_ts) {
  return commit(room, [room, servers = std::move(servers), now_ts](WriteTransaction& tx) {
    tx.exec(kBegin, room, Bytes{servers}, now_ts);
  });
}

Task<void> PartialState::replace(std::int64_t room, WholeStates states) {
  using OfEvent = WholeStates::OfEvent;
  return commit(room, [room, states = std::move(states)](WriteTransaction& tx) {
    std::vector<std::int64_t> dropped;
    std::vector<std::int64_t> flags(states.events.size());
    std::size_t found = 0;
    tx.lookup_many(
        kFormer, states.events, [](const OfEvent& state) { return state.event; },
        [&](std::size_t index, const Row& row) {
          dropped.push_back(row.i64(0));
          dropped.push_back(row.i64(1));
          flags[index] = row.i64(2) & ~static_cast<std::int64_t>(kPartialState);
          ++found;
        });
    if (found != states.events.size()) {
      throw std::logic_error{"The state of an event was to be replaced that is not partial."};
    }
    insert_state_blocks(tx, room, states.blocks);
    tx.change_many(kReplaceStates, states.events, [&states, &flags](const OfEvent& state) {
      const auto index = static_cast<std::size_t>(&state - states.events.data());
      return std::tuple{state.event, state.before, state.after, flags[index]};
    });
    tx.change_many(kForget, states.events,
                   [room](const OfEvent& state) { return std::tuple{room, state.event}; });
    if (states.current != 0) {
      tx.each(kCurrent, room, [&dropped](const Row& row) { dropped.push_back(row.i64(0)); });
    }
    tx.exec(kMoveHead, room, states.current, states.next_block);
    note_dropped_states(tx, room, dropped);
  });
}

Task<void> PartialState::end(std::int64_t room) {
  return commit(room, [room](WriteTransaction& tx) {
    if (tx.any(kHasEvents, room)) {
      throw std::logic_error{"A room's state was to be whole while that of an event is partial."};
    }
    tx.exec(kEnd, room);
  });
}

Task<bool> PartialState::is_partial(std::int64_t room) {
  const auto load = [this](std::int64_t number) {
    return database_.read("partial_state",
                          [number](ReadTransaction& tx) { return tx.any(kIsPartial, number); });
  };
  if (!stream_.connected()) {
    co_return co_await load(room);
  }
  co_return co_await partial_.get(room, load);
}

Task<void> PartialState::whole(std::int64_t room) {
  for (;;) {
    const std::uint64_t seen = changed_.version();
    if (!co_await is_partial(room)) {
      co_return;
    }
    if (co_await changed_.wait_beyond(seen, runtime_.steady_now() + kLookAgain) == Wake::kTimeout) {
      partial_.invalidate(room);
    }
  }
}

}  // namespace lares::events
