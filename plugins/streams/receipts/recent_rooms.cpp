// SPDX-License-Identifier: Apache-2.0
#include "recent_rooms.hpp"

#include <lares/async/runtime.hpp>

#include <algorithm>
#include <optional>

namespace lares::receipts {

RecentRooms::RecentRooms(TaskGroup& group, Server& server)
    : in_order_(server.runtime().loop(0), "rooms with receipts"),
      last_(group, {.name = "rooms_with_receipts",
                    .server_name = server.name(),
                    .max_size = 100'000,
                    .record = true}) {}

Task<void> RecentRooms::moved(std::int64_t room, std::int64_t position) {
  co_await in_order_.call([this, room, position] {
    const std::optional<std::int64_t> known = last_.peek(room);
    last_.put(room, std::max(position, known.value_or(0)));
  });
}

bool RecentRooms::may_have_moved(std::int64_t room, std::int64_t position) {
  if (const std::optional<std::int64_t> last = last_.peek(room)) {
    return *last > position;
  }
  return position < from_.load(std::memory_order_acquire) ||
         last_.counters().evicted_for_size.load(std::memory_order_relaxed) != 0;
}

}  // namespace lares::receipts
