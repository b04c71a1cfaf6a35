// SPDX-License-Identifier: Apache-2.0
#include <lares/storage/database.hpp>
#include <lares/stream/stream.hpp>

namespace lares::stream {

namespace {

constexpr storage::Statement kPresent{
    "SELECT position FROM stream_positions WHERE stream = $1 AND writer = 0"};

}  // namespace

Task<std::int64_t> Stream::present(storage::Database& database) {
  const std::string stream{name()};
  co_return co_await database.read("stream_present", [&stream](storage::ReadTransaction& tx) {
    return tx.maybe(kPresent, std::string_view{stream}, [](const storage::Row& row) { return row.i64(0); })
        .value_or(0);
  });
}

Task<std::vector<StreamPosition::Ahead>> Stream::committed_beyond(storage::Database&, StreamPosition) {
  co_return std::vector<StreamPosition::Ahead>{};
}

}  // namespace lares::stream
