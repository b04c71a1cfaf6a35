// SPDX-License-Identifier: Apache-2.0
#include <lares/base/log.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/service/room_settings.hpp>

#include <algorithm>
#include <utility>

#include "endpoints.hpp"

namespace lares::rooms {

namespace {

using service::RoomSuccession;

// Whoever wants to be found in an upgraded room joins it by and by; these are those who are there at once.
constexpr std::size_t kMostAtOnce = 100;

// The succession by which a room came about. Anyone may make a room that calls itself another's successor, so
// the other must say the same.
Task<std::optional<RoomSuccession>> succession_to(Shared& shared, matrix::RoomId room) {
  const matrix::EventPtr create = co_await shared.rooms.current_state(room, "m.room.create", "");
  const std::optional<std::string> named =
      create ? create->content()["predecessor"]["room_id"].to_string() : std::nullopt;
  const auto from = matrix::RoomId::parse(named.value_or(""));
  if (!from) {
    co_return std::nullopt;
  }
  const matrix::EventPtr tombstone = co_await shared.rooms.current_state(*from, "m.room.tombstone", "");
  if (!tombstone || !tombstone->content()["replacement_room"].equals(room.view())) {
    co_return std::nullopt;
  }
  const std::optional<std::int64_t> from_number = co_await shared.rooms.number(*from);
  const std::optional<std::int64_t> to_number = co_await shared.rooms.number(room);
  if (!from_number || !to_number) {
    co_return std::nullopt;
  }
  co_return RoomSuccession{
      .from = *from_number, .from_id = from->str(), .to = *to_number, .to_id = room.str()};
}

Task<void> carry_over(Shared& shared, std::int64_t user, std::string user_id, RoomSuccession rooms) {
  if (!co_await shared.rooms.membership(user, rooms.from)) {
    co_return;
  }
  for (service::RoomSettings* const settings : shared.server.services().all<service::RoomSettings>()) {
    try {
      co_await settings->carry_over(user, user_id, rooms);
    } catch (const http::MatrixError& error) {
      log::Logger{"lares.rooms"}.info("Settings of {} for an upgraded room stayed behind: {}", user_id,
                                      error.what());
    }
  }
}

}  // namespace

Task<void> follow_predecessor(Shared& shared, std::int64_t user, std::string user_id, matrix::RoomId room) {
  std::optional<RoomSuccession> rooms = co_await succession_to(shared, std::move(room));
  if (rooms) {
    co_await carry_over(shared, user, std::move(user_id), std::move(*rooms));
  }
}

Task<void> follow_tombstone(Shared& shared, matrix::RoomId old_room) {
  const matrix::EventPtr tombstone = co_await shared.rooms.current_state(old_room, "m.room.tombstone", "");
  const std::optional<std::string> named =
      tombstone ? tombstone->content()["replacement_room"].to_string() : std::nullopt;
  const auto to = matrix::RoomId::parse(named.value_or(""));
  if (!to) {
    co_return;
  }
  const std::optional<RoomSuccession> rooms = co_await succession_to(shared, *to);
  if (!rooms || rooms->from_id != old_room.view()) {
    co_return;
  }
  const std::shared_ptr<const std::vector<std::int64_t>> joined =
      co_await shared.rooms.joined_users(rooms->to);
  std::vector<std::int64_t> users{
      joined->begin(), joined->begin() + static_cast<std::ptrdiff_t>(std::min(joined->size(), kMostAtOnce))};
  const std::vector<storage::InternText> ids =
      co_await shared.interner.texts(storage::InternKind::User, users);
  for (std::size_t i = 0; i < users.size(); ++i) {
    const auto user = matrix::UserId::parse(ids[i].first);
    if (user && user->server() == shared.server.name()) {
      co_await carry_over(shared, users[i], ids[i].first, *rooms);
    }
  }
}

}  // namespace lares::rooms
