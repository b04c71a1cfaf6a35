// SPDX-License-Identifier: Apache-2.0
#include "redacted_bytes.hpp"

#include <lares/storage/transaction.hpp>

#include <string>
#include <tuple>
#include <vector>

namespace lares::events {

using storage::Bytes;
using storage::ColumnType;
using storage::Row;

namespace {

constexpr std::int64_t kAtOnce = 100;

constexpr storage::Statement kDue{
    "SELECT event FROM redacted_events WHERE redacted_ts <= $1 ORDER BY redacted_ts LIMIT $2"};
constexpr storage::ChangeMany kRewrite{"events",
                                       {{{"event", ColumnType::Integer}}},
                                       {{{"header", ColumnType::Bytes}, {"body", ColumnType::Bytes}}}};
constexpr storage::ChangeMany kDone{"redacted_events", {{{"event", ColumnType::Integer}}}};

}  // namespace

Task<std::size_t> rewrite_redacted_bytes(storage::Database& database, const EventReader& reader,
                                         std::int64_t upto_ts) {
  struct Rewritten {
    std::int64_t number;
    matrix::EventPtr event;
    std::string header;
  };
  std::vector<std::int64_t> due;
  const std::vector<Rewritten> rewritten =
      co_await database.read("redacted_events", [&](storage::ReadTransaction& tx) {
        due.clear();
        tx.each(kDue, upto_ts, kAtOnce, [&due](const Row& row) { due.push_back(row.i64(0)); });
        std::vector<Rewritten> result;
        for (const service::StoredEventPtr& stored : reader.by_number(tx, due)) {
          // Read back it is redacted already. One that has been purged meanwhile is not there.
          if (stored && stored->redacted_because) {
            result.push_back({stored->number, stored->event, stored->event->header()});
          }
        }
        return result;
      });
  if (!due.empty()) {
    co_await database.write("rewrite_redacted", [&](storage::WriteTransaction& tx) {
      tx.change_many(kRewrite, rewritten, [](const Rewritten& one) {
        return std::tuple{one.number, Bytes{one.header}, Bytes{one.event->bytes()}};
      });
      tx.change_many(kDone, due, [](std::int64_t number) { return number; });
    });
  }
  co_return due.size();
}

}  // namespace lares::events
