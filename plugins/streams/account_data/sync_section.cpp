// SPDX-License-Identifier: Apache-2.0
#include "sync_section.hpp"

#include <lares/json/writer.hpp>
#include <lares/matrix/filter.hpp>
#include <lares/storage/transaction.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace lares::account_data {

using service::JoinedRoomSync;
using service::SyncResponse;
using service::SyncScope;
using stream::StreamNumber;

namespace {

// Everything, as it is now: what changed beyond the sync's end is shown again by the next one, whereas a row
// that is left out for it would be missing in between.
constexpr storage::Statement kAll{
    "SELECT room, type, content FROM account_data WHERE account = $1 AND NOT deleted"};
constexpr storage::Statement kOfRoom{
    "SELECT room, type, content FROM account_data WHERE account = $1 AND room = $2 AND NOT deleted"};
constexpr storage::Statement kNews{
    "SELECT room, type, content, position, writer FROM account_data WHERE account = $1 AND position > $2 AND "
    "position <= $3 ORDER BY position"};

struct Found {
  std::int64_t room = 0;
  std::string type;
  std::string content;
};

std::string entry(const Found& found) {
  std::string out;
  out.reserve(found.content.size() + found.type.size() + 24);
  json::Writer{out}
      .begin_object()
      .key("content")
      .raw(found.content)
      .key("type")
      .value(found.type)
      .end_object();
  return out;
}

}  // namespace

Task<void> SyncSection::contribute(SyncScope& scope, SyncResponse& response) {
  std::vector<std::int64_t> fresh;  // rooms of which everything is new
  if (!scope.initial) {
    for (const JoinedRoomSync& room : response.joined) {
      if (room.newly_joined) {
        fresh.push_back(room.room);
      }
    }
  }
  const std::int64_t after = scope.from.minimum(StreamNumber::kAccountData);
  const std::int64_t upto = scope.to.at(StreamNumber::kAccountData).maximum();
  if (!scope.initial && upto <= after && fresh.empty()) {
    co_return;
  }
  const std::vector<Found> rows = co_await database_.read(
      "sync_account_data", [&scope, &fresh, after, upto](storage::ReadTransaction& tx) {
        std::vector<Found> found;
        const auto take = [&found](const storage::Row& row) {
          found.push_back({row.i64(0), row.bytes_copy(1), row.bytes_copy(2)});
        };
        if (scope.initial) {
          tx.each(kAll, scope.user, take);
          return found;
        }
        for (const std::int64_t room : fresh) {
          tx.each(kOfRoom, scope.user, room, take);
        }
        tx.each(kNews, scope.user, after, upto, [&scope, &fresh, &take](const storage::Row& row) {
          const auto writer = static_cast<stream::WriterNumber>(row.i64(4));
          if (std::ranges::find(fresh, row.i64(0)) == fresh.end() &&
              !scope.from.covers(StreamNumber::kAccountData, writer, row.i64(3)) &&
              scope.to.covers(StreamNumber::kAccountData, writer, row.i64(3))) {
            take(row);
          }
        });
        return found;
      });
  for (const Found& row : rows) {
    if (row.room == 0) {
      if (scope.filter->account_data().matches(row.type, {})) {
        response.account_data.push_back(entry(row));
      }
      continue;
    }
    if (!scope.filter->room_account_data().matches(row.type, {})) {
      continue;
    }
    const auto joined =
        std::ranges::find(response.joined_rooms, row.room, &std::pair<std::int64_t, std::string>::first);
    if (joined != response.joined_rooms.end()) {
      if (scope.filter->wants_room(joined->second) &&
          scope.filter->room_account_data().matches_room(joined->second)) {
        response.room(row.room)->account_data.push_back(entry(row));
      }
    } else if (!response.left.empty()) {
      const std::vector<storage::InternText> name =
          co_await interner_.texts(storage::InternKind::Room, std::vector<std::int64_t>{row.room});
      const auto left = std::ranges::find(response.left, name.front().first, &service::LeftRoomSync::room_id);
      if (left != response.left.end()) {
        left->account_data.push_back(entry(row));
      }
    }
  }
}

}  // namespace lares::account_data
