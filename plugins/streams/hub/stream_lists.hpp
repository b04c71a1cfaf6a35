// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/storage/transaction.hpp>
#include <lares/stream/topology.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace lares::hub {

/// Who writes a stream, as the table `shards` has it and all processes go by.
struct StreamList {
  std::int64_t since = 0;  ///< the incarnation that changed it last
  std::set<std::string> writers;
};
using StreamLists = std::map<std::string, StreamList, std::less<>>;

/// On a storage thread.
[[nodiscard]] StreamLists read_stream_lists(storage::ReadTransaction& tx);

/// Takes the shards that the map of a process which begins its incarnation gives to it, gives those that it
/// has by a former map to whom the map names, and gives to them what nobody has. Who has to give up a shard
/// ends: what it has under way is committed, and it writes no more.
///
/// So whoever comes to be among the writers has taken something from one of them, who is ended, or has been
/// given it by one who begins anew; what was drawn before is lower than what the new one draws.
///
/// Gives the processes that were ended. On a storage thread, under the lock of `processes`.
std::set<std::string> take_shards(storage::WriteTransaction& tx, std::string_view stream,
                                  const stream::ShardMap& map, const std::string& self,
                                  std::int64_t incarnation);

}  // namespace lares::hub
