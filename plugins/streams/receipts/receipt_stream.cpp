// SPDX-License-Identifier: Apache-2.0
#include "receipt_stream.hpp"

#include <lares/json/value.hpp>
#include <lares/storage/transaction.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "receipt.hpp"

namespace lares::receipts {

using storage::InternKind;

namespace {

constexpr storage::Statement kUpdates{
    "SELECT room, reader, private, thread, event_id, read_ts, position FROM receipts WHERE position > $1 AND "
    "position <= $2 AND writer = $3 ORDER BY position LIMIT $4"};

struct TravellingRow {
  std::string room_id;
  std::string user_id;
  bool is_private = false;
};

std::optional<TravellingRow> read_row(const std::string& text) {
  TravellingRow row;
  int field = 0;
  for (const json::Value value : json::Value{text}.elements()) {
    if (field == 0) {
      row.room_id = value.to_string().value_or("");
    } else if (field == 1) {
      row.is_private = value.equals(kReadPrivate);
    } else if (field == 2) {
      row.user_id = value.to_string().value_or("");
    }
    ++field;
  }
  return field >= 3 ? std::optional{std::move(row)} : std::nullopt;
}

}  // namespace

ReceiptStream::ReceiptStream(storage::Database& database, storage::Interner& interner,
                             stream::Notifier& notifier, ReadMarkCache& marks, RecentRooms& recent)
    : database_(database), interner_(interner), notifier_(notifier), marks_(marks), recent_(recent) {}

Task<void> ReceiptStream::apply(stream::WriterNumber, std::span<const stream::Row> rows, std::int64_t) {
  for (const stream::Row& travelled : rows) {
    const std::optional<TravellingRow> row = read_row(travelled.json);
    if (!row) {
      continue;
    }
    // Also what `wake` finds room and user by.
    const std::optional<std::int64_t> room = co_await interner_.lookup_room(row->room_id);
    const std::optional<std::int64_t> user = co_await interner_.lookup_user(row->user_id);
    if (room && user) {
      marks_.changed(*user, *room);
      co_await recent_.moved(*room, travelled.position);
    }
  }
}

void ReceiptStream::wake(stream::WriterNumber writer, std::span<const stream::Row> rows, std::int64_t) {
  for (const stream::Row& travelled : rows) {
    const std::optional<TravellingRow> row = read_row(travelled.json);
    if (!row) {
      continue;
    }
    if (row->is_private) {
      if (const auto user = interner_.cached(InternKind::User, {row->user_id})) {
        notifier_.users({&*user, 1}, stream::StreamNumber::kReceipts, writer, travelled.position);
      }
    } else if (const auto room = interner_.cached(InternKind::Room, {row->room_id})) {
      notifier_.room(*room, stream::StreamNumber::kReceipts, writer, travelled.position);
    }
  }
}

Task<stream::Updates> ReceiptStream::updates(stream::WriterNumber writer, std::int64_t from, std::int64_t to,
                                             std::size_t limit) {
  std::vector<std::int64_t> positions;
  std::vector<Receipt> found = co_await database_.read(
      "receipts_updates", [writer, from, to, limit, &positions](storage::ReadTransaction& tx) {
        positions.clear();
        std::vector<Receipt> list;
        tx.each(kUpdates, from, to, static_cast<std::int64_t>(writer), static_cast<std::int64_t>(limit),
                [&list, &positions](const storage::Row& row) {
                  Receipt& receipt = list.emplace_back();
                  receipt.room = row.i64(0);
                  receipt.user = row.i64(1);
                  receipt.is_private = row.boolean(2);
                  receipt.thread = row.bytes_copy(3);
                  receipt.event_id = row.bytes_copy(4);
                  receipt.read_ts = row.i64(5);
                  positions.push_back(row.i64(6));
                });
        return list;
      });
  std::vector<std::int64_t> rooms;
  std::vector<std::int64_t> users;
  for (const Receipt& receipt : found) {
    rooms.push_back(receipt.room);
    users.push_back(receipt.user);
  }
  const std::vector<storage::InternText> room_ids =
      co_await interner_.texts(InternKind::Room, std::move(rooms));
  const std::vector<storage::InternText> user_ids =
      co_await interner_.texts(InternKind::User, std::move(users));
  stream::Updates updates;
  for (std::size_t i = 0; i < found.size(); ++i) {
    found[i].room_id = room_ids[i].first;
    found[i].user_id = user_ids[i].first;
    updates.rows.push_back({positions[i], row_of(found[i])});
  }
  updates.limited = found.size() == limit;
  updates.upto = updates.limited ? positions.back() : to;
  co_return updates;
}

}  // namespace lares::receipts
