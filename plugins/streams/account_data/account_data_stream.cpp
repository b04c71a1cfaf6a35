// SPDX-License-Identifier: Apache-2.0
#include "account_data_stream.hpp"

#include <lares/json/value.hpp>
#include <lares/storage/transaction.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lares::account_data {

using storage::InternKind;

namespace {

constexpr storage::Statement kUpdates{
    "SELECT account, room, type, position FROM account_data WHERE position > $1 AND position <= $2 AND "
    "writer = $3 ORDER BY position LIMIT $4"};

struct TravellingRow {
  std::string user_id;
  bool global = false;
  std::string type;
};

std::optional<TravellingRow> read_row(const std::string& text) {
  TravellingRow row;
  int field = 0;
  for (const json::Value value : json::Value{text}.elements()) {
    if (field == 0) {
      row.user_id = value.to_string().value_or("");
    } else if (field == 1) {
      row.global = value.is_null();
    } else if (field == 2) {
      row.type = value.to_string().value_or("");
    }
    ++field;
  }
  return field >= 3 ? std::optional{std::move(row)} : std::nullopt;
}

}  // namespace

AccountDataStream::AccountDataStream(storage::Database& database, storage::Interner& interner,
                                     stream::Notifier& notifier, AccountDataService& service)
    : database_(database), interner_(interner), notifier_(notifier), service_(service) {}

Task<void> AccountDataStream::apply(stream::WriterNumber, std::span<const stream::Row> rows, std::int64_t) {
  for (const stream::Row& travelled : rows) {
    const std::optional<TravellingRow> row = read_row(travelled.json);
    if (!row) {
      continue;
    }
    // Also what `wake` finds the user by.
    const std::optional<std::int64_t> user = co_await interner_.lookup_user(row->user_id);
    if (user && row->global) {
      co_await service_.changed(*user, row->type);
    }
  }
}

void AccountDataStream::wake(stream::WriterNumber writer, std::span<const stream::Row> rows, std::int64_t) {
  for (const stream::Row& travelled : rows) {
    const std::optional<TravellingRow> row = read_row(travelled.json);
    const std::optional<std::int64_t> user =
        row ? interner_.cached(InternKind::User, {row->user_id}) : std::nullopt;
    if (user) {
      notifier_.users({&*user, 1}, stream::StreamNumber::kAccountData, writer, travelled.position);
    }
  }
}

Task<stream::Updates> AccountDataStream::updates(stream::WriterNumber writer, std::int64_t from,
                                                 std::int64_t to, std::size_t limit) {
  struct Found {
    std::int64_t user;
    std::int64_t room;
    std::string type;
    std::int64_t position;
  };
  const std::vector<Found> found = co_await database_.read(
      "account_data_updates", [writer, from, to, limit](storage::ReadTransaction& tx) {
        std::vector<Found> list;
        tx.each(kUpdates, from, to, static_cast<std::int64_t>(writer), static_cast<std::int64_t>(limit),
                [&list](const storage::Row& row) {
                  list.push_back({row.i64(0), row.i64(1), row.bytes_copy(2), row.i64(3)});
                });
        return list;
      });
  std::vector<std::int64_t> users;
  std::vector<std::int64_t> rooms;
  for (const Found& row : found) {
    users.push_back(row.user);
    if (row.room != 0) {
      rooms.push_back(row.room);
    }
  }
  const std::vector<storage::InternText> user_ids =
      co_await interner_.texts(InternKind::User, std::move(users));
  const std::vector<storage::InternText> room_ids =
      co_await interner_.texts(InternKind::Room, std::move(rooms));
  stream::Updates updates;
  std::size_t room = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::string_view room_id =
        found[i].room == 0 ? std::string_view{} : std::string_view{room_ids[room++].first};
    updates.rows.push_back({found[i].position, row_of(user_ids[i].first, room_id, found[i].type)});
  }
  updates.limited = found.size() == limit;
  updates.upto = updates.limited ? found.back().position : to;
  co_return updates;
}

}  // namespace lares::account_data
