// SPDX-License-Identifier: Apache-2.0
#include "state_collector.hpp"

#include <lares/storage/transaction.hpp>

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>

#include "state_blocks.hpp"

namespace lares::events {

using matrix::StateMap;
using storage::Bytes;
using storage::ColumnType;
using storage::ReadTransaction;
using storage::Row;
using storage::WriteTransaction;

namespace {

constexpr std::int64_t kStatesAtOnce = 20;
// A page of events takes some milliseconds.
constexpr std::int64_t kEventsAtOnce = 5'000;

constexpr storage::InsertMany kInsertBlocks{
    "state_blocks",
    {{{"room", ColumnType::Integer}, {"block", ColumnType::Integer}, {"body", ColumnType::Bytes}}}};
constexpr storage::ChangeMany kDeleteBlocks{
    "state_blocks", {{{"room", ColumnType::Integer}, {"block", ColumnType::Integer}}}};
constexpr storage::InsertMany kNoteDropped{"dropped_states",
                                           {{{"room", ColumnType::Integer}, {"root", ColumnType::Integer}}},
                                           "ON CONFLICT DO NOTHING"};
constexpr storage::ChangeMany kForgetDropped{
    "dropped_states", {{{"room", ColumnType::Integer}, {"root", ColumnType::Integer}}}};
constexpr storage::Statement kDropped{"SELECT root FROM dropped_states WHERE room = $1 ORDER BY root"};
constexpr storage::Statement kRooms{
    "SELECT DISTINCT d.room FROM dropped_states d WHERE NOT EXISTS (SELECT 1 FROM partial_state_rooms p "
    "WHERE "
    "p.room = d.room) ORDER BY d.room LIMIT 100"};
constexpr storage::Statement kIsPartial{"SELECT 1 FROM partial_state_rooms WHERE room = $1"};
constexpr storage::Statement kStates{
    "SELECT position, state_before, state_after FROM events WHERE room = $1 AND position > $2 "
    "ORDER BY position LIMIT $3"};
constexpr storage::Statement kCurrent{"SELECT state FROM room_heads WHERE room = $1"};

std::vector<StateMap> open_all(const std::set<std::int64_t>& roots) {
  std::vector<StateMap> maps;
  maps.reserve(roots.size());
  for (const std::int64_t root : roots) {
    maps.push_back(StateMap::open(static_cast<matrix::NodeId>(root)));
  }
  return maps;
}

}  // namespace

void insert_state_blocks(WriteTransaction& tx, std::int64_t room,
                         std::span<const matrix::StateBlock> blocks) {
  tx.insert_many(kInsertBlocks, blocks, [room](const matrix::StateBlock& block) {
    return std::tuple{room, static_cast<std::int64_t>(block.number), Bytes{block.bytes}};
  });
}

void note_dropped_states(WriteTransaction& tx, std::int64_t room, std::span<const std::int64_t> roots) {
  std::set<std::int64_t> distinct{roots.begin(), roots.end()};
  distinct.erase(0);
  tx.insert_many(kNoteDropped, distinct, [room](std::int64_t root) { return std::tuple{room, root}; });
}

Task<std::vector<std::int64_t>> rooms_to_collect(storage::Database& database) {
  co_return co_await database.read("rooms_to_collect", [](ReadTransaction& tx) {
    std::vector<std::int64_t> rooms;
    tx.each(kRooms, [&rooms](const Row& row) { rooms.push_back(row.i64(0)); });
    return rooms;
  });
}

Task<Collected> collect_states(storage::Database& database, stream::Hub& hub, std::int64_t room) {
  std::set<std::int64_t> dropped;
  std::set<std::int64_t> kept;
  co_await database.read("dropped_states", [&](ReadTransaction& tx) {
    std::int64_t taken = 0;
    // The others are dropped later, and whole until then.
    tx.each(kDropped, room,
            [&](const Row& row) { (++taken <= kStatesAtOnce ? dropped : kept).insert(row.i64(0)); });
    tx.each(kCurrent, room, [&kept](const Row& row) { kept.insert(row.i64(0)); });
  });
  if (dropped.empty()) {
    co_return Collected{};
  }
  for (std::int64_t after = std::numeric_limits<std::int64_t>::min(), read = kEventsAtOnce;
       read == kEventsAtOnce;) {
    co_await database.read("kept_states", [&](ReadTransaction& tx) {
      read = 0;
      tx.each(kStates, room, after, kEventsAtOnce, [&](const Row& row) {
        ++read;
        after = row.i64(0);
        kept.insert(row.i64(1));
        kept.insert(row.i64(2));
      });
    });
  }
  kept.erase(0);
  const std::vector<StateMap> gone = open_all(dropped);
  const std::vector<StateMap> here = open_all(kept);
  const std::vector<matrix::BlockId> blocks =
      co_await database.read("states_to_collect", [&gone, &here, room](ReadTransaction& tx) {
        StateBlocks store{tx, room};
        return state_or_throw(StateMap::blocks_not_in(gone, here, &store), room);
      });
  // Both or none: a state of which a part is gone could not be walked again.
  co_return co_await database.write("collect_states", [&](WriteTransaction& tx) {
    hub.lock_writer(tx);
    if (tx.any(kIsPartial, room)) {
      return Collected{};
    }
    tx.change_many(kDeleteBlocks, blocks, [room](matrix::BlockId block) {
      return std::tuple{room, static_cast<std::int64_t>(block)};
    });
    tx.change_many(kForgetDropped, dropped, [room](std::int64_t root) { return std::tuple{room, root}; });
    return Collected{.states = dropped.size(), .blocks = blocks.size()};
  });
}

}  // namespace lares::events
