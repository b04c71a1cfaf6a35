// SPDX-License-Identifier: Apache-2.0
#include <lares/http/matrix_error.hpp>

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

constexpr std::array<std::string_view, 1> kInvite{"invite"};

Task<void> set_membership(Shared& shared, const Requester& requester, matrix::RoomId room,
                          matrix::UserId member, std::string_view membership,
                          std::optional<std::string> reason) {
  service::NewEvent event =
      co_await member_event(shared, requester.user(), std::move(member), membership, std::move(reason));
  co_await write_one(shared, std::move(room), std::move(event), std::nullopt);
}

Task<Response> join(Shared& shared, const Requester& requester, Request& request, matrix::RoomId room) {
  std::optional<std::string> reason = optional_string(request.json(), "reason");
  if (shared.spam.asks(service::SpamChecker::Hook::Join)) {
    const std::vector<service::Membership> invitations =
        co_await shared.rooms.memberships(requester.account().user_number, kInvite);
    const bool invited = std::ranges::any_of(
        invitations, [&room](const service::Membership& entry) { return entry.room_id == room.view(); });
    const service::SpamVerdict verdict =
        co_await shared.spam.user_may_join_room(requester.user(), room, invited);
    require(verdict);
  }
  request.shield_from_cancellation();
  const std::string answer = room.str();
  co_await set_membership(shared, requester, std::move(room), requester.user(), "join", std::move(reason));
  co_return Response::json({{"room_id", answer}});
}

/// POST /rooms/{roomId}/join. spec: Client-Server API, "Joining rooms"
Task<Response> post_join(Shared& shared, const Requester& requester, Request& request) {
  return join(shared, requester, request, room_id(request));
}

/// POST /join/{roomIdOrAlias}
Task<Response> post_join_any(Shared& shared, const Requester& requester, Request& request) {
  auto room = matrix::RoomId::parse(request.param("roomIdOrAlias"));
  if (!room) {
    throw http::not_found("This room alias is not known here.");
  }
  co_return co_await join(shared, requester, request, std::move(*room));
}

Task<Response> post_leave(Shared& shared, const Requester& requester, Request& request) {
  matrix::RoomId room = room_id(request);
  std::optional<std::string> reason = optional_string(request.json(), "reason");
  request.shield_from_cancellation();
  co_await set_membership(shared, requester, std::move(room), requester.user(), "leave", std::move(reason));
  co_return Response::empty_object();
}

/// POST /rooms/{roomId}/invite, kick, ban, unban
Task<Response> post_other(Shared& shared, const Requester& requester, Request& request,
                          std::string_view membership) {
  matrix::RoomId room = room_id(request);
  const nlohmann::json& body = request.json();
  matrix::UserId member = parse_user(required_string(body, "user_id"));
  std::optional<std::string> reason = optional_string(body, "reason");
  if (membership == "invite" && shared.spam.asks(service::SpamChecker::Hook::Invite)) {
    const service::SpamVerdict verdict =
        co_await shared.spam.user_may_invite(requester.user(), member, room, false);
    require(verdict);
  }
  request.shield_from_cancellation();
  co_await set_membership(shared, requester, std::move(room), std::move(member), membership,
                          std::move(reason));
  co_return Response::empty_object();
}

}  // namespace

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
  router.add<Access::Guest>(Method::Post, http::client_paths("/rooms/{roomId}/leave"),
                            {.name = "RoomMembershipRestServlet", .shard = "roomId", .body_optional = true},
                            [&shared](const Requester& requester, Request& request) {
                              return post_leave(shared, requester, request);
                            });
  struct Other {
    const char* path;
    const char* membership;
  };
  for (const Other& other :
       {Other{"/rooms/{roomId}/invite", "invite"}, Other{"/rooms/{roomId}/kick", "leave"},
        Other{"/rooms/{roomId}/ban", "ban"}, Other{"/rooms/{roomId}/unban", "leave"}}) {
    const std::string_view membership = other.membership;
    router.add<Access::User>(
        Method::Post, http::client_paths(other.path),
        {.name = "RoomMembershipRestServlet", .shard = "roomId", .allow_suspended = false},
        [&shared, membership](const Requester& requester, Request& request) {
          return post_other(shared, requester, request, membership);
        });
  }
}

}  // namespace lares::rooms
