// SPDX-License-Identifier: Apache-2.0
#include <lares/http/matrix_error.hpp>
#include <lares/service/catch_up.hpp>
#include <lares/service/rate_limiter.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

#include "endpoints.hpp"

namespace lares::rooms {

using http::Access;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;

namespace {

// The user's place in the room now; empty for a stranger.
Task<std::string> membership_in(Shared& shared, std::int64_t user, const matrix::RoomId& room) {
  const std::optional<std::int64_t> number = co_await shared.rooms.number(room);
  if (!number) {
    co_return std::string{};
  }
  std::optional<service::Membership> membership = co_await shared.rooms.membership(user, *number);
  co_return membership ? std::move(membership->membership) : std::string{};
}

// The same where it may be `wanted` already. The request then ends here and does not come to the writer, so
// it must not rest on what this process has yet to hear.
Task<std::string> membership_unless(Shared& shared, std::int64_t user, const matrix::RoomId& room,
                                    std::string_view wanted) {
  std::string now = co_await membership_in(shared, user, room);
  auto* const others = shared.server.services().find<service::CatchUp>();
  if (now == wanted && others != nullptr) {
    // What came in between the look and the question may be what was missed, so it is looked again in any
    // case.
    (void)co_await others->catch_up();
    now = co_await membership_in(shared, user, room);
  }
  co_return now;
}

Task<void> require_guests_admitted(Shared& shared, const Requester& requester, const matrix::RoomId& room) {
  if (!requester.is_guest()) {
    co_return;
  }
  const matrix::EventPtr access = co_await shared.rooms.current_state(room, "m.room.guest_access", "");
  if (!access || !access->content()["guest_access"].equals("can_join")) {
    throw http::MatrixError(403, "M_GUEST_ACCESS_FORBIDDEN", "Guests are not admitted to this room.");
  }
}

// What else a client says of itself stands in its member event, a name for this room among it.
void add_own_content(service::NewEvent& event, const nlohmann::json& body) {
  static constexpr std::array<std::string_view, 5> kNotTheClients{
      "membership", "reason", "third_party_signed", "third_party_invite", kAuthorisingUser};
  nlohmann::json content = nlohmann::json::parse(event.content);
  bool more = false;
  for (const auto& [key, value] : body.items()) {
    if (std::ranges::find(kNotTheClients, key) == kNotTheClients.end()) {
      content[key] = value;
      more = true;
    }
  }
  if (more) {
    event.content = content.dump();
  }
}

// What a join has to pass beside the rules of rooms, of one whose membership is `now`.
Task<void> admit(Shared& shared, const Requester& requester, matrix::RoomId room, std::string now,
                 service::NewEvent& event) {
  co_await require_guests_admitted(shared, requester, room);
  if (shared.spam.asks(service::SpamChecker::Hook::Join)) {
    const service::SpamVerdict verdict =
        co_await shared.spam.user_may_join_room(requester.user(), room, now == "invite");
    require(verdict);
  }
  if (now == "invite") {
    co_return;
  }
  if (const std::optional<std::string> vouching =
          co_await authorising_user(shared, requester, std::move(room))) {
    nlohmann::json content = nlohmann::json::parse(event.content);
    content[kAuthorisingUser] = *vouching;
    event.content = content.dump();
  }
}

Task<Response> join(Shared& shared, const Requester& requester, Request& request, matrix::RoomId room) {
  std::optional<std::string> reason = optional_string(request.json(), "reason");
  const std::string answer = room.str();
  const std::string now = co_await membership_unless(shared, requester.account().user_number, room, "join");
  if (now == "join") {
    co_return Response::json({{"room_id", answer}});
  }
  service::NewEvent event =
      co_await member_event(shared, requester.user(), requester.user(), "join", std::move(reason));
  add_own_content(event, request.json());
  co_await admit(shared, requester, room, now, event);
  co_await ask_about_event(shared, room, event);
  request.shield_from_cancellation();
  co_await write_join(shared, requester, std::move(room), std::move(event));
  co_return Response::json({{"room_id", answer}});
}

/// POST /rooms/{roomId}/join. spec: Client-Server API, "Joining rooms"
Task<Response> post_join(Shared& shared, const Requester& requester, Request& request) {
  return join(shared, requester, request, room_id(request));
}

/// POST /join/{roomIdOrAlias}
Task<Response> post_join_any(Shared& shared, const Requester& requester, Request& request) {
  matrix::RoomId room = co_await room_named(shared, request.param("roomIdOrAlias"));
  co_return co_await join(shared, requester, request, std::move(room));
}

/// POST /knock/{roomIdOrAlias}. spec: Client-Server API, "Knocking on rooms"
Task<Response> post_knock(Shared& shared, const Requester& requester, Request& request) {
  matrix::RoomId room = co_await room_named(shared, request.param("roomIdOrAlias"));
  if (!co_await shared.rooms.number(room)) {
    throw http::not_found("This room is not known here.");
  }
  std::optional<std::string> reason = optional_string(request.json(), "reason");
  const std::string answer = room.str();
  service::NewEvent event =
      co_await member_event(shared, requester.user(), requester.user(), "knock", std::move(reason));
  co_await ask_about_event(shared, room, event);
  request.shield_from_cancellation();
  co_await write_one(shared, std::move(room), std::move(event), std::nullopt);
  co_return Response::json({{"room_id", answer}});
}

/// POST /rooms/{roomId}/leave. spec: Client-Server API, "Leaving rooms"
Task<Response> post_leave(Shared& shared, const Requester& requester, Request& request) {
  matrix::RoomId room = room_id(request);
  std::optional<std::string> reason = optional_string(request.json(), "reason");
  const std::string now = co_await membership_unless(shared, requester.account().user_number, room, "leave");
  if (now.empty()) {
    throw http::forbidden("You are not in this room.");
  }
  if (now == "leave") {
    co_return Response::empty_object();
  }
  service::NewEvent event =
      co_await member_event(shared, requester.user(), requester.user(), "leave", std::move(reason));
  co_await ask_about_event(shared, room, event);
  request.shield_from_cancellation();
  co_await write_one(shared, std::move(room), std::move(event), std::nullopt);
  co_return Response::empty_object();
}

enum class Deed { kInvite, kKick, kBan, kUnban };

// What the rules of rooms do not tell apart: kicking one who is not there, unbanning one who is not banned.
Task<void> require_sense(Shared& shared, Deed deed, const matrix::RoomId& room,
                         const matrix::UserId& member) {
  const matrix::EventPtr event = co_await shared.rooms.current_state(room, "m.room.member", member.str());
  const std::string is = event ? event->content()["membership"].to_string().value_or("leave") : "leave";
  if (deed == Deed::kKick && is != "join" && is != "invite" && is != "knock") {
    throw http::forbidden("This user is not in the room.");
  }
  if (deed == Deed::kUnban && is != "ban") {
    throw http::MatrixError(403, "M_BAD_STATE", "This user is not banned.");
  }
}

/// POST /rooms/{roomId}/invite, kick, ban, unban
Task<Response> post_other(Shared& shared, const Requester& requester, Request& request, Deed deed) {
  matrix::RoomId room = room_id(request);
  const nlohmann::json& body = request.json();
  if (deed == Deed::kInvite && !body.contains("user_id") && body.contains("medium")) {
    throw http::MatrixError(403, "M_THREEPID_DENIED", "This server does not invite by address.");
  }
  matrix::UserId member = parse_user(required_string(body, "user_id"));
  std::optional<std::string> reason = optional_string(body, "reason");
  // A stranger is told nothing of who is in the room.
  if (co_await membership_in(shared, requester.account().user_number, room) != "join") {
    throw http::forbidden("You are not in this room.");
  }
  if (deed == Deed::kInvite) {
    co_await require_may_invite(shared, requester, member, room);
  } else if (deed != Deed::kBan) {
    co_await require_sense(shared, deed, room, member);
  }
  const std::string_view membership = deed == Deed::kInvite ? "invite" : deed == Deed::kBan ? "ban" : "leave";
  service::NewEvent event =
      co_await member_event(shared, requester.user(), std::move(member), membership, std::move(reason));
  co_await ask_about_event(shared, room, event);
  request.shield_from_cancellation();
  co_await write_one(shared, std::move(room), std::move(event), std::nullopt);
  co_return Response::empty_object();
}

}  // namespace

Task<void> require_may_invite(Shared& shared, const Requester& requester, matrix::UserId member,
                              matrix::RoomId room) {
  require_invites_are_open(shared, requester);
  service::RateLimiter& limits = shared.server.services().get<service::RateLimiter>();
  limits.limiter("rc_invites.per_issuer").take(requester.user().view());
  limits.limiter("rc_invites.per_room").take(room.view());
  limits.limiter("rc_invites.per_user").take(member.view());
  co_await ask_about_invite(shared, requester, std::move(member), std::move(room));
}

void require_invites_are_open(const Shared& shared, const Requester& requester) {
  if (!requester.account().admin && shared.server.config()->boolean("block_non_admin_invites")) {
    throw http::forbidden("Only administrators of this server invite.");
  }
}

void require_may_invite_so_many(Shared& shared, const Requester& requester, std::size_t count) {
  if (count == 0) {
    return;
  }
  require_invites_are_open(shared, requester);
  service::RateLimiter& limits = shared.server.services().get<service::RateLimiter>();
  service::Limiter& per_issuer = limits.limiter("rc_invites.per_issuer");
  const auto many = static_cast<double>(count);
  // The bucket of the empty key is always full: what it does not hold is not admitted after any wait.
  if (limits.limiter("rc_invites.per_room").peek("", many) || per_issuer.peek("", many)) {
    throw http::unknown("This server does not let so many users be invited at once.");
  }
  per_issuer.take(requester.user().view(), many);
}

void count_invites(Shared& shared, const matrix::RoomId& room, std::size_t count) {
  if (count > 0) {
    service::RateLimiter& limits = shared.server.services().get<service::RateLimiter>();
    (void)limits.limiter("rc_invites.per_room").try_take(room.view(), static_cast<double>(count));
  }
}

Task<void> ask_about_invite(Shared& shared, const Requester& requester, matrix::UserId member,
                            std::optional<matrix::RoomId> room) {
  if (shared.spam.asks(service::SpamChecker::Hook::Invite)) {
    const service::SpamVerdict verdict =
        co_await shared.spam.user_may_invite(requester.user(), std::move(member), std::move(room), false);
    require(verdict);
  }
}

Task<service::WriteResult> write_join(Shared& shared, const Requester& requester, matrix::RoomId room,
                                      service::NewEvent event) {
  service::Limiter& joins = shared.server.services().get<service::RateLimiter>().limiter("rc_joins_per_room");
  joins.take(room.view());
  std::optional<service::WriteResult> written;
  try {
    written = co_await write_one(shared, room, std::move(event), std::nullopt);
  } catch (...) {
    // Strangers who are refused are not to use up the joins of those who may come in.
    (void)joins.try_take(room.view(), -1);
    throw;
  }
  co_await follow_predecessor(shared, requester.account().user_number, requester.user().str(),
                              std::move(room));
  co_return *std::move(written);
}

Task<bool> admit_member_state(Shared& shared, const Requester& requester, matrix::RoomId room,
                              service::NewEvent& event) {
  nlohmann::json content = nlohmann::json::parse(event.content);
  if (content.erase(kAuthorisingUser) > 0) {
    event.content = content.dump();
  }
  const std::optional<std::string> membership = optional_string(content, "membership");
  const bool own = *event.state_key == requester.user().view();
  const std::int64_t user = requester.account().user_number;
  auto& joins = shared.server.services().get<service::RateLimiter>().limiter("rc_joins.local");
  if (membership == "knock" && own) {
    joins.take(requester.user().view());
  } else if (membership == "join" && own) {
    std::string now = co_await membership_unless(shared, user, room, "join");
    if (now != "join") {
      joins.take(requester.user().view());
      co_await admit(shared, requester, std::move(room), std::move(now), event);
      co_return true;
    }
  } else if (membership == "invite") {
    // A stranger's attempt takes nothing from the limits of those who may invite.
    if (co_await membership_in(shared, user, room) != "join") {
      throw http::forbidden("You are not in this room.");
    }
    co_await require_may_invite(shared, requester, parse_user(*event.state_key), std::move(room));
  }
  co_return false;
}

void declare_membership(Declarations& declarations) {
  declarations.config({.path = "block_non_admin_invites",
                       .type = ConfigType::Bool,
                       .default_value = "false",
                       .meaning = "Whether only administrators of this server may invite.",
                       .reload = Reload::Live});
  declarations.config({.path = "include_profile_data_on_invite",
                       .type = ConfigType::Bool,
                       .default_value = "true",
                       .meaning = "Whether an invitation shows name and picture of who is invited.",
                       .reload = Reload::Live});
}

void add_membership(Shared& shared) {
  http::Router& router = shared.server.router();
  router.add<Access::Guest>(Method::Post, http::client_paths("/rooms/{roomId}/join"),
                            {.name = "RoomMembershipRestServlet",
                             .rate_limit = "rc_joins.local",
                             .shard = "roomId",
                             .allow_suspended = false,
                             .body_optional = true},
                            [&shared](const Requester& requester, Request& request) {
                              return post_join(shared, requester, request);
                            });
  router.add<Access::Guest>(Method::Post, http::client_paths("/join/{roomIdOrAlias}"),
                            {.name = "JoinRoomAliasServlet",
                             .rate_limit = "rc_joins.local",
                             .shard = "roomIdOrAlias",
                             .allow_suspended = false,
                             .body_optional = true},
                            [&shared](const Requester& requester, Request& request) {
                              return post_join_any(shared, requester, request);
                            });
  router.add<Access::User>(Method::Post, http::client_paths("/knock/{roomIdOrAlias}"),
                           {.name = "KnockRoomAliasServlet",
                            .spec = "Client-Server API, Knocking on rooms",
                            .rate_limit = "rc_joins.local",
                            .shard = "roomIdOrAlias",
                            .allow_suspended = false,
                            .body_optional = true},
                           [&shared](const Requester& requester, Request& request) {
                             return post_knock(shared, requester, request);
                           });
  router.add<Access::Guest>(Method::Post, http::client_paths("/rooms/{roomId}/leave"),
                            {.name = "RoomMembershipRestServlet",
                             .rate_limit = "rc_message",
                             .shard = "roomId",
                             .body_optional = true},
                            [&shared](const Requester& requester, Request& request) {
                              return post_leave(shared, requester, request);
                            });
  struct Other {
    const char* path;
    Deed deed;
  };
  for (const Other& other :
       {Other{"/rooms/{roomId}/invite", Deed::kInvite}, Other{"/rooms/{roomId}/kick", Deed::kKick},
        Other{"/rooms/{roomId}/ban", Deed::kBan}, Other{"/rooms/{roomId}/unban", Deed::kUnban}}) {
    const Deed deed = other.deed;
    router.add<Access::User>(Method::Post, http::client_paths(other.path),
                             // Invitations have limits of their own.
                             {.name = "RoomMembershipRestServlet",
                              .rate_limit = deed == Deed::kInvite ? "" : "rc_message",
                              .shard = "roomId",
                              .allow_suspended = false},
                             [&shared, deed](const Requester& requester, Request& request) {
                               return post_other(shared, requester, request, deed);
                             });
  }
}

}  // namespace lares::rooms
