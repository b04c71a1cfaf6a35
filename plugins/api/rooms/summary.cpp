// SPDX-License-Identifier: Apache-2.0
#include <lares/http/matrix_error.hpp>

#include <nlohmann/json.hpp>

#include "endpoints.hpp"

namespace lares::rooms {

using http::Access;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;
using matrix::EventPtr;
using nlohmann::json;

namespace {

/// GET /room_summary/{roomIdOrAlias}. Who may not know the room hears that there is none.
/// spec: Client-Server API, "Getting a room's summary"
Task<Response> get_summary(Shared& shared, const Requester& requester, Request& request) {
  const matrix::RoomId room = co_await room_named(shared, request.param("roomIdOrAlias"));
  const std::optional<std::int64_t> number = co_await shared.rooms.number(room);
  const EventPtr create =
      number ? co_await shared.rooms.current_state(room, "m.room.create", "") : EventPtr{};
  if (!create) {
    throw http::not_found("There is no such room, or you may not see it.");
  }
  const std::int64_t user = requester.account().user_number;
  const std::optional<service::Membership> membership = co_await shared.rooms.membership(user, *number);
  const EventPtr rules = co_await shared.rooms.current_state(room, "m.room.join_rules", "");
  const EventPtr visibility = co_await shared.rooms.current_state(room, "m.room.history_visibility", "");
  const EventPtr guests = co_await shared.rooms.current_state(room, "m.room.guest_access", "");
  const std::string rule =
      rules ? rules->content()["join_rule"].to_string().value_or("invite") : std::string{"invite"};
  const bool readable = visibility && visibility->content()["history_visibility"].equals("world_readable");
  const bool inside = membership && membership->membership != "leave" && membership->membership != "ban";
  bool accessible = inside || readable || rule == "public" || rule == "knock" || rule == "knock_restricted";
  if (!accessible && rule == "restricted") {
    accessible = co_await in_an_allowed_room(shared, user, rules);
  }
  if (!accessible || (membership && membership->membership == "ban")) {
    throw http::not_found("There is no such room, or you may not see it.");
  }
  const auto joined = co_await shared.rooms.joined_users(*number);
  json answer = {{"room_id", room.str()},
                 {"join_rule", rule},
                 {"num_joined_members", joined->size()},
                 {"room_version", create->version().id},
                 {"world_readable", readable},
                 {"guest_can_join", guests && guests->content()["guest_access"].equals("can_join")}};
  if (const auto type = create->content()["type"].to_string()) {
    answer["room_type"] = *type;
  }
  struct Field {
    const char* type;
    const char* key;
    const char* name;
  };
  for (const Field& field : {Field{"m.room.name", "name", "name"}, Field{"m.room.topic", "topic", "topic"},
                             Field{"m.room.avatar", "url", "avatar_url"},
                             Field{"m.room.canonical_alias", "alias", "canonical_alias"},
                             Field{"m.room.encryption", "algorithm", "encryption"}}) {
    const EventPtr event = co_await shared.rooms.current_state(room, field.type, "");
    if (event) {
      if (const auto value = event->content()[field.key].to_string()) {
        answer[field.name] = *value;
      }
    }
  }
  if (rule == "restricted" || rule == "knock_restricted") {
    json allowed = json::array();
    for (const lares::json::Value& entry : rules->content()["allow"].elements()) {
      if (const auto id = entry["room_id"].to_string(); id && entry["type"].equals("m.room_membership")) {
        allowed.push_back(*id);
      }
    }
    answer["allowed_room_ids"] = std::move(allowed);
  }
  if (membership) {
    answer["membership"] = membership->membership;
  }
  co_return Response::json(answer);
}

}  // namespace

void add_summary(Shared& shared) {
  std::vector<std::string> paths = http::client_paths("/room_summary/{roomIdOrAlias}", {"v1"});
  paths.emplace_back("/_matrix/client/unstable/im.nheko.summary/summary/{roomIdOrAlias}");
  shared.server.router().add<Access::Guest>(
      Method::Get, std::move(paths),
      {.name = "RoomSummaryRestServlet", .spec = "Client-Server API, Room summaries"},
      [&shared](const Requester& requester, Request& request) {
        return get_summary(shared, requester, request);
      });
}

}  // namespace lares::rooms
