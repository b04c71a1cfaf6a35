// SPDX-License-Identifier: Apache-2.0
#include "room_history.hpp"

#include <lares/matrix/event_auth.hpp>
#include <lares/matrix/room_version.hpp>
#include <lares/storage/transaction.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

namespace lares::sim {

namespace {

constexpr storage::Statement kEvents{
    "SELECT e.position, e.header, e.body, h.version FROM events e JOIN room_heads h ON h.room = e.room "
    "WHERE e.position > 0 ORDER BY e.position"};

bool joins_room(const matrix::Event& event) {
  return event.content()["membership"].equals("join");
}

}  // namespace

Task<RoomHistory> RoomHistory::read(storage::Database& database) {
  co_return co_await database.read("sim_history", [](storage::ReadTransaction& tx) {
    RoomHistory history;
    tx.each(kEvents, [&history](const storage::Row& row) {
      const matrix::RoomVersion* const version = matrix::find_room_version(row.text(3));
      auto event = matrix::Event::restore(row.bytes(2), row.bytes(1), *version);
      if (!event) {
        throw std::runtime_error{"A stored event cannot be read."};
      }
      const std::string room{(*event)->room_id()};
      Room& entries = history.rooms_[room];
      history.places_[std::string{(*event)->event_id()}] = {room, entries.size()};
      entries.push_back({row.i64(0), std::move(*event)});
    });
    return history;
  });
}

const RoomHistory::Entry* RoomHistory::find(std::string_view event_id) const {
  const auto found = places_.find(event_id);
  return found == places_.end() ? nullptr : &rooms_.at(found->second.first)[found->second.second];
}

std::vector<std::int64_t> RoomHistory::joins(const Room& room, std::string_view user) {
  std::vector<std::int64_t> positions;
  bool in = false;
  for (const Entry& entry : room) {
    if (entry.event->is_state("m.room.member", user)) {
      if (!in && joins_room(*entry.event)) {
        positions.push_back(entry.position);
      }
      in = joins_room(*entry.event);
    }
  }
  return positions;
}

void RoomHistory::judge(const std::function<void(std::string)>& fault) const {
  for (const auto& [room, entries] : rooms_) {
    std::map<std::pair<std::string, std::string>, std::string> state;
    const matrix::Event* before = nullptr;
    for (const Entry& entry : entries) {
      const matrix::Event& event = *entry.event;
      const bool follows =
          before == nullptr ? event.prev_events().empty()
                            : event.prev_events().size() == 1 && event.prev_events()[0] == before->event_id();
      if (!follows) {
        fault(fmt::format("event {} at {} of room {} does not follow on {}", event.event_id(), entry.position,
                          room, before == nullptr ? "nothing" : before->event_id()));
      }
      std::set<std::string> expected;
      for (const matrix::StateKey& key :
           matrix::auth_events_for(matrix::AuthSubject{event}, event.version())) {
        if (const auto found = state.find({key.type, key.state_key}); found != state.end()) {
          expected.insert(found->second);
        }
      }
      std::set<std::string> given;
      for (const std::string_view id : event.auth_events()) {
        given.emplace(id);
      }
      if (given != expected) {
        fault(fmt::format("event {} at {} of room {} is not authorised by the state it stands on",
                          event.event_id(), entry.position, room));
      }
      if (event.is_state()) {
        state[{std::string{event.type()}, std::string{*event.state_key()}}] = event.event_id();
      }
      before = &event;
    }
  }
}

}  // namespace lares::sim
