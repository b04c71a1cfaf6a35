// SPDX-License-Identifier: Apache-2.0
#include "sharing_sink.hpp"

#include <lares/matrix/event.hpp>
#include <lares/service/stored_event.hpp>
#include <lares/storage/transaction.hpp>

namespace lares::device_lists {

namespace {

// A change of name alone is no news.
constexpr storage::Statement kNote{
    "INSERT INTO room_sharing (room, member, joined, writer, position) VALUES ($1, $2, $3, $4, $5) "
    "ON CONFLICT (room, member) DO UPDATE SET joined = excluded.joined, writer = excluded.writer, "
    "position = excluded.position WHERE room_sharing.joined <> excluded.joined"};
constexpr storage::Statement kNumber{"SELECT number FROM users WHERE user_id = $1"};

bool is_member_event(const service::StoredEvent& stored) {
  return stored.event->type() == "m.room.member" && stored.event->state_key() && !stored.rejected &&
         !stored.soft_failed;
}

}  // namespace

Task<void> SharingSink::prepare(std::span<const service::StoredEventPtr> events,
                                std::span<service::EventMarks>) {
  for (const service::StoredEventPtr& stored : events) {
    if (is_member_event(*stored)) {
      co_await interner_.intern_user(*stored->event->state_key());
    }
  }
}

void SharingSink::write(storage::WriteTransaction& tx, std::span<const service::StoredEventPtr> events) {
  for (const service::StoredEventPtr& stored : events) {
    // Backfilled events and outliers say nothing of who is in the room now.
    if (!is_member_event(*stored) || stored->position <= 0) {
      continue;
    }
    const std::string_view user_id = *stored->event->state_key();
    std::optional<std::int64_t> member = interner_.cached(storage::InternKind::User, {.first = user_id});
    if (!member) {
      member = tx.one(kNumber, storage::Bytes{user_id}, [](const storage::Row& row) { return row.i64(0); });
    }
    const bool joined = stored->event->content()["membership"].equals("join");
    tx.exec(kNote, stored->room, *member, joined, static_cast<std::int64_t>(stored->writer),
            stored->position);
  }
}

void SharingSink::committed(std::span<const service::StoredEventPtr>) noexcept {}

}  // namespace lares::device_lists
