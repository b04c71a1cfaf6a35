// SPDX-License-Identifier: Apache-2.0
#include "guest_sink.hpp"

#include <lares/async/runtime.hpp>
#include <lares/service/rooms.hpp>
#include <lares/storage/intern.hpp>
#include <lares/storage/transaction.hpp>

#include <algorithm>
#include <memory>
#include <utility>

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

bool is_join(const StoredEvent& event) {
  return !event.rejected && !event.soft_failed && event.position >= 0 &&
         event.event->type() == "m.room.member" && event.event->state_key() &&
         event.event->content()["membership"].equals("join");
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
      const std::shared_ptr<const std::vector<std::int64_t>> joined =
          co_await server_.services().get<service::Rooms>().joined_users(event->room);
      co_await find_guests(*joined);
      const std::vector<std::int64_t> coming = co_await coming_into(event->room, events);
      co_await find_guests(coming);
    }
  }
}

// Who comes with the same batch, before or after: whether the room was open to them was asked before it.
Task<std::vector<std::int64_t>> GuestSink::coming_into(std::int64_t room,
                                                       std::span<const StoredEventPtr> events) {
  std::vector<storage::InternView> users;
  for (const StoredEventPtr& event : events) {
    if (event->room == room && is_join(*event)) {
      users.push_back({*event->event->state_key()});
    }
  }
  if (users.empty()) {
    co_return std::vector<std::int64_t>{};
  }
  co_return co_await server_.services().get<storage::Interner>().intern(storage::InternKind::User,
                                                                        std::move(users));
}

Task<void> GuestSink::find_guests(std::span<const std::int64_t> users) {
  for (std::size_t at = 0; at < users.size(); at += kLookedUpAtOnce) {
    const std::span<const std::int64_t> page =
        users.subspan(at, std::min(kLookedUpAtOnce, users.size() - at));
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
