// SPDX-License-Identifier: Apache-2.0
#include "stream_lists.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace lares::hub {

namespace {

constexpr storage::Statement kLists{
    "SELECT stream, instance, MAX(since) FROM shards GROUP BY stream, instance"};
constexpr storage::Statement kShards{"SELECT shard, instance FROM shards WHERE stream = $1"};
constexpr storage::InsertMany kSetShards{
    "shards",
    {{{"stream", storage::ColumnType::Text},
      {"shard", storage::ColumnType::Integer},
      {"instance", storage::ColumnType::Text},
      {"since", storage::ColumnType::Integer}}},
    "ON CONFLICT (stream, shard) DO UPDATE SET instance = excluded.instance, since = excluded.since"};
constexpr storage::Statement kEndIncarnation{
    "UPDATE writers SET incarnation = incarnation + 1 WHERE name = $1"};

}  // namespace

StreamLists read_stream_lists(storage::ReadTransaction& tx) {
  StreamLists lists;
  tx.each(kLists, [&lists](const storage::Row& row) {
    StreamList& list = lists[row.text_copy(0)];
    list.writers.insert(row.text_copy(1));
    list.since = std::max(list.since, row.i64(2));
  });
  return lists;
}

std::set<std::string> take_shards(storage::WriteTransaction& tx, std::string_view stream,
                                  const stream::ShardMap& map, const std::string& self,
                                  std::int64_t incarnation) {
  std::vector<std::optional<std::string>> held(stream::kShards);
  tx.each(kShards, stream, [&held](const storage::Row& row) {
    held.at(static_cast<std::size_t>(row.i64(0))) = row.text_copy(1);
  });
  std::set<std::string> ended;
  std::vector<std::pair<std::int64_t, std::string_view>> changed;
  for (std::size_t shard = 0; shard < held.size(); ++shard) {
    const std::optional<std::string>& holder = held[shard];
    const std::string& writer = map.writer_of_shard(shard);
    if (holder == writer || (holder && holder != self && writer != self)) {
      continue;
    }
    if (holder && holder != self) {
      ended.insert(*holder);
    }
    changed.emplace_back(static_cast<std::int64_t>(shard), writer);
  }
  for (const std::string& other : ended) {
    tx.exec(kEndIncarnation, std::string_view{other});
  }
  tx.insert_many(kSetShards, changed, [stream, incarnation](const auto& shard) {
    return std::tuple{stream, shard.first, shard.second, incarnation};
  });
  return ended;
}

}  // namespace lares::hub
