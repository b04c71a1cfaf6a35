// SPDX-License-Identifier: Apache-2.0
#include "sync_section.hpp"

#include <lares/json/writer.hpp>
#include <lares/matrix/filter.hpp>
#include <lares/storage/transaction.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "receipt.hpp"

namespace lares::receipts {

using service::SyncResponse;
using service::SyncScope;
using stream::StreamNumber;

namespace {

constexpr storage::LookupMany kWhole{.select = "reader, private, thread, event_id, read_ts, position, writer",
                                     .from = "receipts",
                                     .keys = {{{"room", storage::ColumnType::Integer}}}};
constexpr storage::LookupMany kNews{.select = "reader, private, thread, event_id, read_ts, position, writer",
                                    .from = "receipts",
                                    .keys = {{{"room", storage::ColumnType::Integer}}},
                                    .where = "position > $1 AND position <= $2"};

struct Asked {
  std::int64_t room = 0;
  bool all = false;
};

struct Found {
  std::size_t asked = 0;
  std::int64_t reader = 0;
  bool is_private = false;
  std::string thread;
  std::string event_id;
  std::int64_t read_ts = 0;
  std::int64_t position = 0;
  stream::WriterNumber writer = 0;
};

// One `m.receipt`: of each event and type one receipt per user. A user whose receipts of two threads stand at
// one event takes two.
using Content =
    std::map<std::string_view,
             std::map<std::string_view, std::map<std::string_view, const Found*, std::less<>>, std::less<>>,
             std::less<>>;

std::string serialise(const Content& content) {
  std::string out;
  json::Writer writer{out};
  writer.begin_object().key("content").begin_object();
  for (const auto& [event, types] : content) {
    writer.key(event).begin_object();
    for (const auto& [type, users] : types) {
      writer.key(type).begin_object();
      for (const auto& [user, receipt] : users) {
        writer.key(user).begin_object();
        if (!receipt->thread.empty()) {
          writer.key("thread_id").value(receipt->thread);
        }
        writer.key("ts").value(receipt->read_ts).end_object();
      }
      writer.end_object();
    }
    writer.end_object();
  }
  writer.end_object().key("type").value("m.receipt").end_object();
  return out;
}

std::vector<Asked> rooms_to_ask(const SyncScope& scope, const SyncResponse& response, RecentRooms& recent) {
  const std::int64_t after = scope.from.minimum(StreamNumber::kReceipts);
  const bool moved = scope.to.at(StreamNumber::kReceipts).maximum() > after;
  std::vector<Asked> asked;
  for (const auto& [room, room_id] : response.joined_rooms) {
    bool all = scope.initial;
    if (!all) {
      const auto shown = std::ranges::find(response.joined, room, &service::JoinedRoomSync::room);
      all = shown != response.joined.end() && shown->newly_joined;
    }
    if ((all || (moved && recent.may_have_moved(room, after))) && scope.filter->wants_room(room_id) &&
        scope.filter->ephemeral().matches_room(room_id)) {
      asked.push_back({room, all});
    }
  }
  return asked;
}

}  // namespace

Task<void> SyncSection::contribute(SyncScope& scope, SyncResponse& response) {
  if (!scope.filter->ephemeral().matches("m.receipt", {})) {
    co_return;
  }
  const std::vector<Asked> asked = rooms_to_ask(scope, response, recent_);
  if (asked.empty()) {
    co_return;
  }
  const Measure measure{looking_};
  std::vector<Found> found = co_await database_.read("sync_receipts", [&](storage::ReadTransaction& tx) {
    std::vector<Found> list;
    const auto take = [&list](std::size_t index, const storage::Row& row) {
      list.push_back({.asked = index,
                      .reader = row.i64(0),
                      .is_private = row.boolean(1),
                      .thread = row.bytes_copy(2),
                      .event_id = row.bytes_copy(3),
                      .read_ts = row.i64(4),
                      .position = row.i64(5),
                      .writer = static_cast<stream::WriterNumber>(row.i64(6))});
    };
    const std::int64_t after = scope.from.minimum(StreamNumber::kReceipts);
    const std::int64_t upto = scope.to.at(StreamNumber::kReceipts).maximum();
    std::vector<std::size_t> whole;
    std::vector<std::size_t> news;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      (asked[i].all ? whole : news).push_back(i);
    }
    tx.lookup_many(
        kWhole, whole, [&asked](std::size_t i) { return asked[i].room; },
        [&whole, &take](std::size_t key, const storage::Row& row) { take(whole[key], row); });
    tx.lookup_many(
        kNews, news, [&asked](std::size_t i) { return asked[i].room; },
        [&news, &take](std::size_t key, const storage::Row& row) { take(news[key], row); }, after, upto);
    return list;
  });
  // What changed beyond the sync's end comes with the next one; of a room that is shown whole it is shown
  // now, too, since the receipt before it is gone.
  std::erase_if(found, [&](const Found& receipt) {
    if (receipt.is_private && receipt.reader != scope.user) {
      return true;
    }
    return !asked[receipt.asked].all &&
           (scope.from.covers(StreamNumber::kReceipts, receipt.writer, receipt.position) ||
            !scope.to.covers(StreamNumber::kReceipts, receipt.writer, receipt.position));
  });
  if (found.empty()) {
    co_return;
  }
  std::ranges::sort(found, {}, &Found::asked);
  std::vector<std::int64_t> readers;
  readers.reserve(found.size());
  for (const Found& receipt : found) {
    readers.push_back(receipt.reader);
  }
  const std::vector<storage::InternText> users =
      co_await interner_.texts(storage::InternKind::User, std::move(readers));
  std::shared_ptr<const std::unordered_set<std::string>> ignored;
  if (auto* account_data = server_.services().find<service::AccountData>()) {
    ignored = co_await account_data->ignored(scope.user);
  }
  for (std::size_t i = 0; i < found.size();) {
    const std::size_t room = found[i].asked;
    std::vector<Content> contents;
    for (; i < found.size() && found[i].asked == room; ++i) {
      const std::string& user = users[i].first;
      if (ignored && ignored->contains(user)) {
        continue;
      }
      const std::string_view type = found[i].is_private ? kReadPrivate : kRead;
      for (std::size_t place = 0;; ++place) {
        if (place == contents.size()) {
          contents.emplace_back();
        }
        if (contents[place][found[i].event_id][type].try_emplace(user, &found[i]).second) {
          break;
        }
      }
    }
    if (contents.empty()) {
      continue;
    }
    if (service::JoinedRoomSync* section = response.room(asked[room].room)) {
      for (const Content& content : contents) {
        section->ephemeral.push_back(serialise(content));
      }
    }
  }
}

}  // namespace lares::receipts
