// SPDX-License-Identifier: Apache-2.0
#include "read_mark_cache.hpp"

#include <lares/storage/transaction.hpp>

#include <algorithm>

#include "receipt.hpp"

namespace lares::receipts {

namespace {

constexpr storage::Statement kMarks{
    "SELECT thread, thread_root, event_position FROM receipts WHERE room = $1 AND reader = $2"};

}  // namespace

ReadMarkCache::ReadMarkCache(TaskGroup& loads, Server& server, storage::Database& database)
    : database_(database),
      marks_(loads, {.name = "read_marks", .server_name = server.name(), .max_size = 100'000}) {}

Task<std::shared_ptr<const service::ReadMarks>> ReadMarkCache::read_marks(std::int64_t user,
                                                                          std::int64_t room) {
  const Key key{user, room};
  if (auto known = marks_.peek(key)) {
    co_return std::move(*known);
  }
  co_return co_await marks_.get(key, [this](Key wanted) { return load(wanted); });
}

Task<std::shared_ptr<const service::ReadMarks>> ReadMarkCache::load(Key key) {
  auto marks = std::make_shared<service::ReadMarks>();
  *marks = co_await database_.read("read_marks", [key](storage::ReadTransaction& tx) {
    service::ReadMarks found;
    tx.each(kMarks, key.room, key.user, [&found](const storage::Row& row) {
      const std::string_view thread = row.bytes(0);
      std::int64_t& mark = thread.empty()    ? found.unthreaded
                           : thread == kMain ? found.main
                                             : found.threads[row.i64(1)];
      mark = std::max(mark, row.i64(2));
    });
    return found;
  });
  co_return marks;
}

}  // namespace lares::receipts
