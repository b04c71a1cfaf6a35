// SPDX-License-Identifier: Apache-2.0
#include <lares/http/matrix_error.hpp>
#include <lares/matrix/power_levels.hpp>

#include <algorithm>
#include <utility>
#include <vector>

#include "endpoints.hpp"

namespace lares::rooms {

using http::Requester;
using matrix::EventPtr;
using matrix::PowerAction;

namespace {

// Rooms that a join rule may name, and members that are asked in turn who may vouch.
constexpr std::size_t kMostAllowed = 100;
constexpr std::size_t kMostAsked = 100;

// A user of this server who is joined and may invite: whoever has power by name, else whoever is there.
Task<std::optional<std::string>> somebody_who_may_invite(Shared& shared, matrix::RoomId room,
                                                         std::int64_t number) {
  const EventPtr create = co_await shared.rooms.current_state(room, "m.room.create", "");
  const EventPtr power = co_await shared.rooms.current_state(room, "m.room.power_levels", "");
  if (!create) {
    co_return std::nullopt;
  }
  const matrix::PowerLevels levels{create->version(), create.get(), power.get()};
  std::vector<std::string> asked{std::string{create->sender()}};
  if (power) {
    for (const json::Member& entry : power->content()["users"].members()) {
      if (asked.size() >= kMostAsked) {
        break;
      }
      asked.push_back(entry.key.decoded());
    }
  }
  const auto joined = co_await shared.rooms.joined_users(number);
  for (const storage::InternText& user : co_await shared.interner.texts(
           storage::InternKind::User,
           std::vector<std::int64_t>(joined->begin(), joined->begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                            joined->size(), kMostAsked))))) {
    asked.push_back(user.first);
  }
  for (const std::string& user : asked) {
    if (matrix::server_part(user) != shared.server.name() ||
        levels.user(user) < levels.to(PowerAction::kInvite)) {
      continue;
    }
    const std::optional<std::int64_t> known = co_await shared.interner.lookup_user(user);
    if (known && std::ranges::binary_search(*joined, *known)) {
      co_return user;
    }
  }
  co_return std::nullopt;
}

}  // namespace

Task<bool> in_an_allowed_room(Shared& shared, std::int64_t user, EventPtr join_rules) {
  std::size_t looked_at = 0;
  for (const json::Value& entry : join_rules->content()["allow"].elements()) {
    if (++looked_at > kMostAllowed || !entry["type"].equals("m.room_membership")) {
      continue;
    }
    const auto room = matrix::RoomId::parse(entry["room_id"].to_string().value_or(""));
    if (!room) {
      continue;
    }
    const std::optional<std::int64_t> number = co_await shared.rooms.number(*room);
    if (!number) {
      continue;
    }
    const std::optional<service::Membership> membership = co_await shared.rooms.membership(user, *number);
    if (membership && membership->membership == "join") {
      co_return true;
    }
  }
  co_return false;
}

Task<std::optional<std::string>> authorising_user(Shared& shared, const Requester& requester,
                                                  matrix::RoomId room) {
  const EventPtr rules = co_await shared.rooms.current_state(room, "m.room.join_rules", "");
  if (!rules || !rules->version().restricted_join) {
    co_return std::nullopt;
  }
  const json::Value rule = rules->content()["join_rule"];
  if (!rule.equals("restricted") && !(rules->version().knock_restricted && rule.equals("knock_restricted"))) {
    co_return std::nullopt;
  }
  if (!co_await in_an_allowed_room(shared, requester.account().user_number, rules)) {
    throw http::forbidden("You are in none of the rooms whose members may join this one.");
  }
  const std::optional<std::int64_t> number = co_await shared.rooms.number(room);
  std::optional<std::string> found = co_await somebody_who_may_invite(shared, std::move(room), *number);
  if (!found) {
    throw http::MatrixError(400, "M_UNABLE_TO_GRANT_JOIN",
                            "Nobody of this server who is in the room may let others in.");
  }
  co_return found;
}

}  // namespace lares::rooms
