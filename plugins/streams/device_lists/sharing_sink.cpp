// SPDX-License-Identifier: Apache-2.0
#include "sharing_sink.hpp"

#include <lares/matrix/event.hpp>
#include <lares/service/stored_event.hpp>
#include <lares/storage/transaction.hpp>

#include <map>
#include <tuple>
#include <utility>

namespace lares::device_lists {

using storage::ColumnType;

namespace {

constexpr storage::Columns kColumns{{{"room", ColumnType::Integer},
                                     {"member", ColumnType::Integer},
                                     {"joined", ColumnType::Boolean},
                                     {"writer", ColumnType::Integer},
                                     {"position", ColumnType::Integer}}};
// A change of name alone is no news.
constexpr storage::InsertMany kNote{
    "room_sharing", kColumns,
    "ON CONFLICT (room, member) DO UPDATE SET joined = excluded.joined, writer = excluded.writer, "
    "position = excluded.position WHERE room_sharing.joined <> excluded.joined"};
// Who has come and gone within a batch is news whatever the row says, which knows nothing of the former step.
constexpr storage::InsertMany kNoteMoved{
    "room_sharing", kColumns,
    "ON CONFLICT (room, member) DO UPDATE SET joined = excluded.joined, writer = excluded.writer, "
    "position = excluded.position"};

using Key = std::pair<std::int64_t, std::int64_t>;  // room, member
struct Sharing {
  bool joined = false;
  std::int64_t writer = 0;
  std::int64_t position = 0;
  bool moved = false;  // the batch says first one thing of the member, then the other
};

bool is_member_event(const service::StoredEvent& stored) {
  return stored.event->type() == "m.room.member" && stored.event->state_key() && !stored.rejected &&
         !stored.soft_failed;
}

}  // namespace

Task<void> SharingSink::prepare(std::span<const service::StoredEventPtr> events,
                                std::span<service::EventMarks>) {
  members_.clear();
  std::vector<storage::InternView> users;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (is_member_event(*events[i])) {
      members_.push_back({.place = i});
      users.push_back({*events[i]->event->state_key()});
    }
  }
  if (members_.empty()) {
    co_return;
  }
  const std::vector<std::int64_t> numbers =
      co_await interner_.intern(storage::InternKind::User, std::move(users));
  for (std::size_t i = 0; i < members_.size(); ++i) {
    members_[i].member = numbers[i];
  }
}

void SharingSink::write(storage::WriteTransaction& tx, std::span<const service::StoredEventPtr> events) {
  std::map<Key, Sharing> noted;
  for (const MemberEvent& one : members_) {
    const service::StoredEvent& stored = *events[one.place];
    // Backfilled events and outliers say nothing of who is in the room now.
    if (stored.position <= 0) {
      continue;
    }
    const Sharing now{.joined = stored.event->content()["membership"].equals("join"),
                      .writer = static_cast<std::int64_t>(stored.writer),
                      .position = stored.position};
    const auto [place, first] = noted.try_emplace({stored.room, one.member}, now);
    if (!first && place->second.joined != now.joined) {
      place->second = now;
      place->second.moved = true;
    }
  }
  // One statement must not touch a row twice.
  std::vector<std::pair<Key, Sharing>> rows;
  std::vector<std::pair<Key, Sharing>> moved;
  for (const auto& [key, sharing] : noted) {
    (sharing.moved ? moved : rows).emplace_back(key, sharing);
  }
  const auto cells = [](const std::pair<Key, Sharing>& row) {
    const auto& [key, sharing] = row;
    return std::tuple{key.first, key.second, sharing.joined, sharing.writer, sharing.position};
  };
  tx.insert_many(kNote, rows, cells);
  tx.insert_many(kNoteMoved, moved, cells);
}

void SharingSink::committed(std::span<const service::StoredEventPtr>) noexcept {}

}  // namespace lares::device_lists
