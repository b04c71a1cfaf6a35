// SPDX-License-Identifier: Apache-2.0
#include "rooms_service.hpp"

#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/matrix/filter.hpp>
#include <lares/service/account_data.hpp>
#include <lares/service/event_writer.hpp>
#include <lares/storage/transaction.hpp>

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "bundles.hpp"
#include "client_form.hpp"
#include "visibility.hpp"

namespace lares::events {

using service::Direction;
using service::HistoryPage;
using service::HistoryPlace;
using service::StoredEvent;
using service::StoredEventPtr;

namespace {

// How far a page reads on when what it finds may not be seen.
constexpr int kMostRounds = 10;
constexpr std::size_t kReadOn = 100;

constexpr storage::Statement kHasTransaction{
    "SELECT 1 FROM event_transactions WHERE scope = $1 AND room = $2 AND txn_id = $3"};

}  // namespace

/// A room as one requester sees it.
class RoomViewImpl final : public service::RoomView {
 public:
  RoomViewImpl(RoomsService& rooms, const http::Requester& requester, std::int64_t room, RoomName name,
               std::optional<RoomMembership> membership, IgnoredUsers ignored)
      : rooms_(rooms),
        user_id_(requester.user().str()),
        user_(requester.account().user_number),
        scope_(service::transaction_scope(requester)),
        room_(room),
        name_(std::move(name)),
        membership_(membership),
        visibility_(rooms.caches_, rooms.interner_, rooms.services_.find<service::ErasedUsers>(), room,
                    user_id_, user_, membership, std::move(ignored)) {}

  [[nodiscard]] std::int64_t room() const noexcept override { return room_; }
  [[nodiscard]] const matrix::RoomId& room_id() const noexcept override { return name_.id; }
  [[nodiscard]] const matrix::RoomVersion& version() const noexcept override { return *name_.version; }
  [[nodiscard]] std::string_view membership() const noexcept override {
    return membership_ ? membership_name(membership_->membership) : std::string_view{};
  }

  Task<StoredEventPtr> event(std::string_view event_id) override {
    StoredEventPtr found = co_await rooms_.database_.read(
        "event_by_id",
        [this, event_id](storage::ReadTransaction& tx) { return rooms_.reader_.by_id(tx, event_id); });
    if (!found || found->room != room_) {
      co_return nullptr;
    }
    std::vector<StoredEventPtr> one{std::move(found)};
    const std::vector<StoredEventPtr> visible = co_await show(std::move(one));
    co_return visible.empty() ? nullptr : visible.front();
  }

  Task<StoredEventPtr> state_event(std::string_view type, std::string_view state_key) override {
    const std::optional<std::int64_t> key = co_await rooms_.interner_.lookup_state_key(type, state_key);
    if (!key) {
      co_return nullptr;
    }
    const std::int64_t root = co_await state_root();
    const std::vector<std::int64_t> found =
        co_await rooms_.caches_.state_events(room_, root, std::vector<std::int64_t>{*key});
    if (found.front() == 0) {
      co_return nullptr;
    }
    const std::vector<StoredEventPtr> events = co_await rooms_.caches_.events(found);
    co_return events.front();
  }

  Task<std::vector<StoredEventPtr>> state() override {
    co_await rooms_.partial_.whole(room_);
    const std::int64_t root = co_await state_root();
    co_return co_await events_of(root);
  }

  // A user's own membership may be read whenever it came; the room's state then is not the user's to know.
  Task<std::vector<StoredEventPtr>> state_at(StoredEventPtr event) override {
    const bool outside = left() && event->position > membership_->position;
    const std::int64_t root = outside ? co_await state_root() : event->state_after;
    co_return co_await events_of(root);
  }

  Task<std::vector<StoredEventPtr>> members(std::optional<stream::Token> at) override {
    co_await rooms_.partial_.whole(room_);
    std::int64_t root = 0;
    if (at && !left()) {
      const StoredEventPtr newest = co_await newest_at(std::move(*at));
      if (newest && !co_await visibility_.reaches(*newest)) {
        // What is earlier than the history that is open to the reader is as it was where that begins.
        root = co_await earliest_root();
      } else {
        root = newest ? newest->state_after : 0;
      }
    } else {
      root = co_await state_root();
    }
    std::vector<StoredEventPtr> events = co_await members_of(root);
    if (events.empty() && at) {
      // The place lies before the one who made the room had joined it, as that before a whole timeline does.
      events = co_await members_of(co_await first_joined_root());
    }
    co_return events;
  }

  Task<HistoryPlace> place_at(stream::Token at) override {
    const StoredEventPtr newest = co_await newest_at(std::move(at));
    co_return newest ? HistoryPlace{newest->depth, newest->position} : HistoryPlace{0, 0};
  }

  Task<HistoryPage> history(std::optional<HistoryPlace> from, std::optional<HistoryPlace> to,
                            Direction direction, std::size_t limit,
                            const matrix::EventFilter* filter) override {
    const bool backwards = direction == Direction::kBackwards;
    const std::int64_t upto = rooms_.hub_.position(stream::StreamNumber::kEvents).maximum();
    const HistoryPlace edge = backwards ? HistoryPlace{matrix::kMaxDepth, upto} : HistoryPlace{0, 0};
    HistoryPage page;
    page.start = from.value_or(edge);
    HistoryPlace at = from ? co_await place_in_history(*from) : edge;
    if (from && backwards && from->depth == matrix::kMaxDepth) {
      ++at.position;
    }
    if (to) {
      to = co_await place_in_history(*to);
    }
    bool more = true;
    for (int round = 0; round < kMostRounds && more && page.events.size() < limit; ++round) {
      const std::size_t missing = limit - page.events.size();
      const std::size_t wanted = round == 0 ? missing : std::max(missing, kReadOn);
      std::vector<StoredEventPtr> events = co_await rooms_.database_.read(
          "room_history", [this, &at, backwards, upto, wanted](storage::ReadTransaction& tx) {
            return rooms_.reader_.history(tx, room_, at.depth, at.position, backwards, upto, wanted);
          });
      current_context().add_event_fetches(events.size());
      more = events.size() == wanted;
      if (to) {
        const auto beyond = std::ranges::find_if(events, [&to, backwards](const StoredEventPtr& event) {
          const HistoryPlace place{event->depth, event->position};
          return backwards ? place <= *to : place > *to;
        });
        more = more && beyond == events.end();
        events.erase(beyond, events.end());
      }
      if (!events.empty()) {
        at = {events.back()->depth, events.back()->position};
      }
      if (filter != nullptr) {
        std::erase_if(events,
                      [filter](const StoredEventPtr& event) { return !filter->matches(*event->event); });
      }
      std::vector<StoredEventPtr> visible = co_await visibility_.filter(std::move(events));
      if (visible.size() > missing) {
        visible.resize(missing);
        at = {visible.back()->depth, visible.back()->position};
        more = true;
      }
      co_await add_bundles(visible);
      std::ranges::move(visible, std::back_inserter(page.events));
    }
    if (more) {
      page.end = at;
    }
    co_return page;
  }

  void append_client_event(std::string& out, const StoredEvent& event, bool omit_room_id) const override {
    const auto bundle = bundles_.find(event.number);
    append_client_form(out, event, reader(),
                       {.replaced = nullptr,
                        .membership = visibility_.membership_at(event),
                        .relations = bundle == bundles_.end() ? std::string_view{} : bundle->second},
                       omit_room_id);
  }

  /// The events that the reader may see, and what is to be bundled with them.
  Task<std::vector<StoredEventPtr>> show(std::vector<StoredEventPtr> events) {
    std::vector<StoredEventPtr> visible = co_await visibility_.filter(std::move(events));
    co_await add_bundles(visible);
    co_return visible;
  }

  [[nodiscard]] std::int64_t user() const noexcept { return user_; }

 private:
  [[nodiscard]] bool left() const noexcept {
    return membership_ && (membership_->membership == MembershipCode::kLeave ||
                           membership_->membership == MembershipCode::kBan);
  }

  Task<void> add_bundles(const std::vector<StoredEventPtr>& visible) {
    bundles_.merge(
        co_await bundle(rooms_.caches_, rooms_.database_, visibility_, reader(), user_, visible, false));
  }

  [[nodiscard]] Reader reader() const noexcept {
    return {.user_id = user_id_, .transaction_scope = scope_, .now_ts = rooms_.runtime_.now_ms()};
  }

  Task<StoredEventPtr> newest_at(stream::Token at) {
    const stream::StreamPosition place = at.at(stream::StreamNumber::kEvents);
    co_return co_await rooms_.database_.read("room_at", [this, &place](storage::ReadTransaction& tx) {
      return rooms_.reader_.newest_covered(tx, room_, place);
    });
  }

  Task<std::vector<StoredEventPtr>> events_of(std::int64_t root) {
    std::vector<std::int64_t> numbers;
    for (const RoomCaches::StateItem& item : co_await rooms_.caches_.all_state(room_, root)) {
      numbers.push_back(item.event);
    }
    co_return co_await rooms_.caches_.events(std::move(numbers));
  }

  Task<std::vector<StoredEventPtr>> members_of(std::int64_t root) {
    std::vector<StoredEventPtr> events = co_await events_of(root);
    std::erase_if(events,
                  [](const StoredEventPtr& event) { return event->event->type() != "m.room.member"; });
    co_return events;
  }

  // The state after the reader's own membership; of a room that one reads from outside, as it is now.
  Task<std::int64_t> earliest_root() {
    if (!membership_) {
      co_return co_await state_root();
    }
    const std::vector<StoredEventPtr> own =
        co_await rooms_.caches_.events(std::vector<std::int64_t>{membership_->event});
    co_return own.front()->state_after;
  }

  // The state after the second event of the room, which is the join of the one who made it.
  Task<std::int64_t> first_joined_root() {
    const std::int64_t upto = rooms_.hub_.position(stream::StreamNumber::kEvents).maximum();
    const std::vector<StoredEventPtr> first =
        co_await rooms_.database_.read("room_beginning", [this, upto](storage::ReadTransaction& tx) {
          return rooms_.reader_.history(tx, room_, 0, 0, false, upto, 2);
        });
    co_return first.empty() ? 0 : first.back()->state_after;
  }

  // A place at the greatest depth stands for one in the stream, as that of a page back from the end: what
  // lies before it reaches to the newest event that was there then, however events are ordered by depth
  // since.
  Task<HistoryPlace> place_in_history(HistoryPlace place) {
    if (place.depth != matrix::kMaxDepth) {
      co_return place;
    }
    stream::Token at;
    at.set(stream::StreamNumber::kEvents, place.position);
    co_return co_await place_at(std::move(at));
  }

  // Who has left sees the state as it was then.
  Task<std::int64_t> state_root() {
    if (left()) {
      const std::vector<StoredEventPtr> leave =
          co_await rooms_.caches_.events(std::vector<std::int64_t>{membership_->event});
      co_return leave.front()->state_after;
    }
    co_return co_await rooms_.current_root(room_);
  }

  RoomsService& rooms_;
  std::string user_id_;
  std::int64_t user_;
  std::string scope_;
  std::int64_t room_;
  RoomName name_;
  std::optional<RoomMembership> membership_;
  Visibility visibility_;
  Bundles bundles_;
};

Task<IgnoredUsers> ignored_by(ServiceRegistry& services, std::int64_t user) {
  service::AccountData* const account_data = services.find<service::AccountData>();
  if (account_data == nullptr) {
    co_return nullptr;
  }
  co_return co_await account_data->ignored(user);
}

// Every view of this process is one of these: nobody else makes them.
Task<std::vector<StoredEventPtr>> visible_in(service::RoomView& view, std::vector<StoredEventPtr> events) {
  return static_cast<RoomViewImpl&>(view).show(std::move(events));
}

std::int64_t reader_of(const service::RoomView& view) noexcept {
  return static_cast<const RoomViewImpl&>(view).user();
}

RoomsService::RoomsService(Server& server, storage::Database& database, storage::Interner& interner,
                           stream::Hub& hub, RoomCaches& caches, PartialState& partial,
                           const EventReader& reader)
    : services_(server.services()),
      runtime_(server.runtime()),
      database_(database),
      interner_(interner),
      hub_(hub),
      caches_(caches),
      partial_(partial),
      reader_(reader) {}

// What others wrote may not be heard of while the process is not connected to them.
Task<UserRooms> RoomsService::rooms_of(std::int64_t user) {
  if (!hub_.connected()) {
    caches_.drop_rooms_of(user);
  }
  return caches_.rooms_of(user);
}

Task<std::unique_ptr<service::RoomView>> RoomsService::open(const http::Requester& requester,
                                                            const matrix::RoomId& room, bool peek) {
  const std::optional<std::int64_t> number = co_await interner_.lookup_room(room.view());
  if (number) {
    const UserRooms rooms = co_await rooms_of(requester.account().user_number);
    const auto found = std::ranges::lower_bound(*rooms, *number, {}, &RoomMembership::room);
    std::optional<RoomMembership> membership;
    if (found != rooms->end() && found->room == *number && !found->forgotten) {
      membership = *found;
    }
    if (peek && membership) {
      membership = co_await last_stay(caches_, interner_, requester.user().str(), *membership);
    }
    // Who is out reads what was there until then.
    const bool inside = membership && (membership->membership == MembershipCode::kJoin || peek);
    bool world_readable = false;
    if (!inside && peek) {
      const matrix::EventPtr visibility = co_await current_state(room, "m.room.history_visibility", "");
      world_readable = visibility && visibility->content()["history_visibility"].equals("world_readable");
    }
    if (inside || world_readable) {
      RoomName name = co_await caches_.name(*number);
      IgnoredUsers ignored = co_await ignored_by(services_, requester.account().user_number);
      co_return std::make_unique<RoomViewImpl>(*this, requester, *number, std::move(name), membership,
                                               std::move(ignored));
    }
  }
  throw http::forbidden("You are not in this room.");
}

Task<std::unique_ptr<service::RoomView>> RoomsService::view(const http::Requester& requester,
                                                            const matrix::RoomId& room) {
  return open(requester, room, false);
}

Task<std::unique_ptr<service::RoomView>> RoomsService::peek(const http::Requester& requester,
                                                            const matrix::RoomId& room) {
  return open(requester, room, true);
}

Task<std::vector<service::Membership>> RoomsService::memberships(std::int64_t user,
                                                                 std::span<const std::string_view> which) {
  std::vector<MembershipCode> codes;
  for (const std::string_view name : which) {
    codes.push_back(membership_code(name));
  }
  const UserRooms rooms = co_await rooms_of(user);
  std::vector<service::Membership> result;
  for (const RoomMembership& membership : *rooms) {
    if (std::ranges::find(codes, membership.membership) == codes.end() || membership.forgotten) {
      continue;
    }
    const RoomName name = co_await caches_.name(membership.room);
    result.push_back({.room = membership.room,
                      .room_id = name.id.str(),
                      .membership = std::string{membership_name(membership.membership)},
                      .event = membership.event,
                      .position = membership.position,
                      .writer = membership.writer});
  }
  co_return result;
}

Task<std::vector<std::int64_t>> RoomsService::joined_rooms(std::int64_t user) {
  const UserRooms rooms = co_await rooms_of(user);
  std::vector<std::int64_t> result;
  for (const RoomMembership& membership : *rooms) {
    if (membership.membership == MembershipCode::kJoin) {
      result.push_back(membership.room);
    }
  }
  co_return result;
}

// What was read from the database may be ahead of what this process has announced.
Task<std::int64_t> RoomsService::current_root(std::int64_t room) {
  co_return co_await caches_.root_at(room, hub_.position(stream::StreamNumber::kEvents));
}

Task<matrix::EventPtr> RoomsService::current_state(const matrix::RoomId& room, std::string type,
                                                   std::string state_key) {
  const std::optional<std::int64_t> number = co_await interner_.lookup_room(room.view());
  const std::optional<std::int64_t> key = co_await interner_.lookup_state_key(type, state_key);
  if (!number || !key) {
    co_return nullptr;
  }
  const std::int64_t root = co_await current_root(*number);
  const std::vector<std::int64_t> found =
      co_await caches_.state_events(*number, root, std::vector<std::int64_t>{*key});
  if (found.front() == 0) {
    co_return nullptr;
  }
  const std::vector<StoredEventPtr> events = co_await caches_.events(found);
  co_return events.front()->event;
}

Task<std::optional<std::int64_t>> RoomsService::number(const matrix::RoomId& room) {
  return interner_.lookup_room(room.view());
}

Task<std::vector<service::NotifyingEvent>> RoomsService::notifying_events(std::int64_t room,
                                                                          std::int64_t reader,
                                                                          std::int64_t after,
                                                                          std::int64_t upto) {
  return database_.read("notifying_events", [this, room, reader, after, upto](storage::ReadTransaction& tx) {
    return reader_.notifying(tx, room, reader, after, upto);
  });
}

Task<StoredEventPtr> RoomsService::event(std::string event_id) {
  co_return co_await database_.read(
      "event_by_id", [this, &event_id](storage::ReadTransaction& tx) { return reader_.by_id(tx, event_id); });
}

Task<bool> RoomsService::has_transaction(std::int64_t room, std::string scope, std::string id) {
  co_return co_await database_.read("has_event_transaction",
                                    [room, &scope, &id](storage::ReadTransaction& tx) {
                                      return tx
                                          .maybe(kHasTransaction, storage::Bytes{scope}, room,
                                                 storage::Bytes{id}, [](const storage::Row&) { return true; })
                                          .has_value();
                                    });
}

Task<std::optional<service::Membership>> RoomsService::membership(std::int64_t user, std::int64_t room) {
  const UserRooms rooms = co_await rooms_of(user);
  const auto found = std::ranges::lower_bound(*rooms, room, {}, &RoomMembership::room);
  if (found == rooms->end() || found->room != room) {
    co_return std::nullopt;
  }
  const RoomName name = co_await caches_.name(room);
  co_return service::Membership{.room = room,
                                .room_id = name.id.str(),
                                .membership = std::string{membership_name(found->membership)},
                                .event = found->event,
                                .position = found->position,
                                .writer = found->writer};
}

Task<std::shared_ptr<const std::vector<std::int64_t>>> RoomsService::joined_users(std::int64_t room) {
  const RoomMembers members = co_await caches_.members_of(room);
  // Shares the list: the pointer to the part keeps the whole.
  co_return std::shared_ptr<const std::vector<std::int64_t>>{members, &members->joined};
}

}  // namespace lares::events
