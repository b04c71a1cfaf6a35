// SPDX-License-Identifier: Apache-2.0
#include <lares/http/matrix_error.hpp>
#include <lares/json/writer.hpp>

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
using service::HistoryPlace;
using service::RoomView;
using service::StoredEventPtr;

namespace {

/// GET /rooms/{roomId}/state
Task<Response> get_state(Shared& shared, const Requester& requester, Request& request) {
  const matrix::RoomId room = room_id(request);
  const std::unique_ptr<RoomView> view = co_await shared.rooms.peek(requester, room);
  co_return Response::json_text(events_array(*view, co_await view->state()));
}

/// GET /rooms/{roomId}/state/{eventType}/{stateKey}
Task<Response> get_state_event(Shared& shared, const Requester& requester, Request& request,
                               std::string state_key) {
  const matrix::RoomId room = room_id(request);
  const std::unique_ptr<RoomView> view = co_await shared.rooms.peek(requester, room);
  const StoredEventPtr event = co_await view->state_event(request.param("eventType"), state_key);
  if (!event) {
    throw http::not_found("There is no such state in this room.");
  }
  if (request.query("format") == "event") {
    std::string body;
    view->append_client_event(body, *event, false);
    co_return Response::json_text(std::move(body));
  }
  co_return Response::json_text(std::string{event->event->content().bytes()});
}

// A membership to ask for, under one of two names.
std::optional<std::string> membership_of(const Request& request, std::string_view name) {
  static constexpr std::array<std::string_view, 5> kMemberships{"join", "invite", "knock", "leave", "ban"};
  std::optional<std::string> membership = request.query(name);
  if (membership && std::ranges::find(kMemberships, *membership) == kMemberships.end()) {
    throw http::invalid_param("'" + std::string{name} + "' is one of join, invite, knock, leave and ban.");
  }
  return membership;
}

/// GET /rooms/{roomId}/members
Task<Response> get_members(Shared& shared, const Requester& requester, Request& request) {
  const matrix::RoomId room = room_id(request);
  const std::optional<std::string> at_text = request.query("at");
  const std::optional<std::string> membership = membership_of(request, "membership");
  const std::optional<std::string> not_membership = membership_of(request, "not_membership");
  std::optional<stream::Token> at;
  if (at_text && !at_text->empty()) {
    if (const std::optional<HistoryPlace> place = HistoryPlace::parse(*at_text)) {
      at.emplace().set(stream::StreamNumber::kEvents, place->position);
    } else if (auto token = stream::Token::parse(*at_text)) {
      at = std::move(*token);
    } else {
      throw http::invalid_param("'at' is no token of this server.");
    }
  }
  const std::unique_ptr<RoomView> view = co_await shared.rooms.peek(requester, room);
  std::vector<StoredEventPtr> members = co_await view->members(std::move(at));
  // Of two conditions one is enough.
  std::erase_if(members, [&membership, &not_membership](const StoredEventPtr& event) {
    const std::string is = event->event->content()["membership"].to_string().value_or("");
    const bool wanted = membership && is == *membership;
    const bool not_unwanted = not_membership && is != *not_membership;
    return (membership || not_membership) && !wanted && !not_unwanted;
  });
  std::string body;
  json::Writer writer{body};
  writer.begin_object().key("chunk").raw(events_array(*view, members)).end_object();
  co_return Response::json_text(std::move(body));
}

/// GET /rooms/{roomId}/joined_members
Task<Response> get_joined_members(Shared& shared, const Requester& requester, Request& request) {
  const matrix::RoomId room = room_id(request);
  const std::unique_ptr<RoomView> view = co_await shared.rooms.view(requester, room);
  const std::vector<StoredEventPtr> members = co_await view->members(std::nullopt);
  std::string body;
  json::Writer writer{body};
  writer.begin_object().key("joined").begin_object();
  for (const StoredEventPtr& event : members) {
    const json::Value content = event->event->content();
    if (!content["membership"].equals("join")) {
      continue;
    }
    writer.key(*event->event->state_key()).begin_object();
    // Null where there is none: there are clients that take the absence for an error.
    for (const auto& [key, member] :
         {std::pair{"avatar_url", "avatar_url"}, {"display_name", "displayname"}}) {
      if (content[member].is_string()) {
        writer.key(key).raw(content[member].bytes());
      } else {
        writer.key(key).null();
      }
    }
    writer.end_object();
  }
  writer.end_object().end_object();
  co_return Response::json_text(std::move(body));
}

/// GET /joined_rooms
Task<Response> get_joined_rooms(Shared& shared, const Requester& requester) {
  static constexpr std::array<std::string_view, 1> kJoin{"join"};
  const std::vector<service::Membership> rooms =
      co_await shared.rooms.memberships(requester.account().user_number, kJoin);
  nlohmann::json list = nlohmann::json::array();
  for (const service::Membership& membership : rooms) {
    list.push_back(membership.room_id);
  }
  co_return Response::json({{"joined_rooms", std::move(list)}});
}

}  // namespace

void add_read(Shared& shared) {
  http::Router& router = shared.server.router();
  router.add<Access::Guest>(Method::Get, http::client_paths("/rooms/{roomId}/state"),
                            {.name = "RoomStateRestServlet", .shard = "roomId"},
                            [&shared](const Requester& requester, Request& request) {
                              return get_state(shared, requester, request);
                            });
  router.add<Access::Guest>(Method::Get, http::client_paths("/rooms/{roomId}/state/{eventType}/{stateKey}"),
                            {.name = "RoomStateEventRestServlet", .shard = "roomId"},
                            [&shared](const Requester& requester, Request& request) {
                              return get_state_event(shared, requester, request, request.param("stateKey"));
                            });
  router.add<Access::Guest>(Method::Get, http::client_paths("/rooms/{roomId}/state/{eventType}"),
                            {.name = "RoomStateEventRestServlet", .shard = "roomId"},
                            [&shared](const Requester& requester, Request& request) {
                              return get_state_event(shared, requester, request, "");
                            });
  router.add<Access::Guest>(Method::Get, http::client_paths("/rooms/{roomId}/members"),
                            {.name = "RoomMemberListRestServlet", .shard = "roomId"},
                            [&shared](const Requester& requester, Request& request) {
                              return get_members(shared, requester, request);
                            });
  router.add<Access::Guest>(Method::Get, http::client_paths("/rooms/{roomId}/joined_members"),
                            {.name = "JoinedRoomMemberListRestServlet", .shard = "roomId"},
                            [&shared](const Requester& requester, Request& request) {
                              return get_joined_members(shared, requester, request);
                            });
  router.add<Access::Guest>(
      Method::Get, http::client_paths("/joined_rooms"), {.name = "JoinedRoomsRestServlet"},
      [&shared](const Requester& requester, Request&) { return get_joined_rooms(shared, requester); });
}

}  // namespace lares::rooms
