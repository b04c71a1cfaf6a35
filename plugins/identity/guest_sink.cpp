// SPDX-License-Identifier: Apache-2.0
#include "guest_sink.hpp"

#include <lares/async/runtime.hpp>
#include <lares/service/rooms.hpp>
#include <lares/storage/transaction.hpp>

#include <algorithm>
#include <memory>

namespace lares::identity {

using service::StoredEvent;
using service::StoredEventPtr;

namespace {

constexpr std::size_t kLookedUpAtOnce = 10'000;
constexpr storage::LookupMany kGuests{.select = "account",
                                      .from = "accounts",
                                      .keys = {{{"account", storage::ColumnType::Integer}}},
                                      .where = "guest"};

bool closes_to_guests(const StoredEvent& event) {
  return !event.rejected && !event.soft_failed && event.position >= 0 &&
         event.event->is_state("m.room.guest_access", "") &&
         !event.event->content()["guest_access"].equals("can_join");
}

}  // namespace

GuestSink::GuestSink(Server& server, storage::Database& database, AccountTasks& tasks)
    : server_(server), database_(database), tasks_(tasks) {}

Task<void> GuestSink::prepare(std::span<const StoredEventPtr> events, std::span<service::EventMarks>) {
  guests_.clear();
  for (const StoredEventPtr& event : events) {
    if (!closes_to_guests(*event)) {
      continue;
    }
    // A room that is just being made has nobody but who makes it.
    const bool fresh = std::ranges::any_of(events, [&event](const StoredEventPtr& other) {
      return other->room == event->room && other->event->is_state("m.room.create", "");
    });
    if (!fresh) {
      now_ts_ = server_.runtime().now_ms();
      co_await find_guests(event->room);
    }
  }
}

Task<void> GuestSink::find_guests(std::int64_t room) {
  const std::shared_ptr<const std::vector<std::int64_t>> joined =
      co_await server_.services().get<service::Rooms>().joined_users(room);
  for (std::size_t at = 0; at < joined->size(); at += kLookedUpAtOnce) {
    const std::span<const std::int64_t> page =
        std::span{*joined}.subspan(at, std::min(kLookedUpAtOnce, joined->size() - at));
    const std::vector<std::int64_t> found =
        co_await database_.read("guests_among", [page](storage::ReadTransaction& tx) {
          std::vector<std::int64_t> guests;
          tx.lookup_many(
              kGuests, page, [](std::int64_t user) { return user; },
              [&guests](std::size_t, const storage::Row& row) { guests.push_back(row.i64(0)); });
          return guests;
        });
    guests_.insert(guests_.end(), found.begin(), found.end());
  }
}

void GuestSink::write(storage::WriteTransaction& tx, std::span<const StoredEventPtr>) {
  note_tasks(tx, guests_, AccountTask::kGuest, now_ts_);
}

void GuestSink::committed(std::span<const StoredEventPtr> events) noexcept {
  if (!guests_.empty()) {
    tasks_.wake_beyond(events.back()->position);
  }
}

}  // namespace lares::identity
