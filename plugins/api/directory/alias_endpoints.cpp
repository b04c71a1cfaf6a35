// SPDX-License-Identifier: Apache-2.0
#include <lares/base/log.hpp>
#include <lares/http/json_fields.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/matrix/power_levels.hpp>

#include <nlohmann/json.hpp>

#include <utility>

#include "endpoints.hpp"

namespace lares::directory {

using http::Access;
using http::Anyone;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;
using matrix::EventPtr;
using nlohmann::json;

namespace {

matrix::RoomAlias alias_of(const Request& request) {
  auto alias = matrix::RoomAlias::parse(request.param("roomAlias"));
  if (!alias) {
    throw http::invalid_param("This is no room alias.");
  }
  return std::move(*alias);
}

matrix::RoomAlias local_alias_of(Shared& shared, const Request& request) {
  matrix::RoomAlias alias = alias_of(request);
  if (alias.server() != shared.server.name()) {
    throw http::invalid_param("This room alias belongs to another server.");
  }
  return alias;
}

http::MatrixError taken() {
  return http::MatrixError{409, "M_UNKNOWN", "This room alias is taken."};
}

/// GET /directory/room/{roomAlias}. spec: Client-Server API, "Room aliases"
Task<Response> get_alias(Shared& shared, Request& request) {
  const std::optional<matrix::RoomId> room = co_await shared.directory.resolve(alias_of(request));
  if (!room) {
    throw http::not_found("This room alias is not known here.");
  }
  co_return Response::json({{"room_id", room->str()}, {"servers", {shared.server.name()}}});
}

/// PUT /directory/room/{roomAlias}
Task<Response> put_alias(Shared& shared, const Requester& requester, Request& request) {
  const matrix::RoomAlias alias = local_alias_of(shared, request);
  auto room = matrix::RoomId::parse(http::required_string(request.json(), "room_id"));
  if (!room) {
    throw http::invalid_param("'room_id' is no room id.");
  }
  const std::optional<std::int64_t> number = co_await shared.rooms.number(*room);
  if (!number) {
    throw http::invalid_param("This room is not known here.");
  }
  if (shared.server.config()->boolean("require_membership_for_aliases") && !requester.is_admin()) {
    const std::optional<service::Membership> membership =
        co_await shared.rooms.membership(requester.account().user_number, *number);
    if (!membership || membership->membership != "join") {
      throw http::forbidden("Only who is in the room can give it an alias.");
    }
  }
  if (co_await shared.directory.find(alias)) {
    throw taken();
  }
  request.shield_from_cancellation();
  try {
    co_await shared.directory.add(requester.user(), alias, std::move(*room));
  } catch (const http::MatrixError& error) {
    // Somebody was faster.
    if (error.errcode() == "M_ROOM_IN_USE") {
      throw taken();
    }
    throw;
  }
  co_return Response::empty_object();
}

// What the room says of its aliases no longer names one that is gone, if the requester can make it so.
Task<void> take_from_room(Shared& shared, const Requester& requester, matrix::RoomId room,
                          std::string alias) {
  const EventPtr event = co_await shared.rooms.current_state(room, "m.room.canonical_alias", "");
  if (!event) {
    co_return;
  }
  json content = json::parse(event->content().bytes());
  bool changed = false;
  if (content.value("alias", json()) == alias) {
    content.erase("alias");
    changed = true;
  }
  if (const auto others = content.find("alt_aliases"); others != content.end() && others->is_array()) {
    json kept = json::array();
    for (const json& other : *others) {
      if (other != alias) {
        kept.push_back(other);
      }
    }
    if (kept.size() != others->size()) {
      changed = true;
      if (kept.empty()) {
        content.erase(others);
      } else {
        *others = std::move(kept);
      }
    }
  }
  if (!changed) {
    co_return;
  }
  service::WriteRequest write;
  write.room = std::move(room);
  write.events.push_back({.type = "m.room.canonical_alias",
                          .state_key = "",
                          .sender = requester.user(),
                          .content = content.dump(),
                          .redacts = {},
                          .origin_server_ts = 0});
  try {
    co_await shared.writer.write(std::move(write));
  } catch (const http::MatrixError& error) {
    log::Logger{"lares.directory"}.info("A room goes on naming an alias that was deleted: {}", error.what());
  }
}

/// DELETE /directory/room/{roomAlias}
Task<Response> delete_alias(Shared& shared, const Requester& requester, Request& request) {
  const matrix::RoomAlias alias = local_alias_of(shared, request);
  const std::optional<AliasRow> found = co_await shared.directory.find(alias);
  std::optional<matrix::RoomId> room = co_await shared.directory.resolve(alias);
  if (!found || !room) {
    throw http::not_found("This room alias is not known here.");
  }
  if (found->creator != requester.account().user_number && !co_await may_change(shared, requester, *room)) {
    throw http::forbidden("You can delete your own aliases, and those of rooms in which you have the power.");
  }
  request.shield_from_cancellation();
  if (!co_await shared.directory.remove(alias)) {
    throw http::not_found("This room alias is not known here.");
  }
  co_await take_from_room(shared, requester, std::move(*room), alias.str());
  co_return Response::empty_object();
}

/// GET /rooms/{roomId}/aliases
Task<Response> get_aliases(Shared& shared, const Requester& requester, Request& request) {
  auto room = matrix::RoomId::parse(request.param("roomId"));
  if (!room) {
    throw http::invalid_param("This is no room id.");
  }
  const std::unique_ptr<service::RoomView> view = co_await shared.rooms.peek(requester, *room);
  const std::vector<std::string> aliases = co_await shared.directory.aliases(view->room());
  co_return Response::json({{"aliases", aliases}});
}

}  // namespace

Task<bool> may_change(Shared& shared, const Requester& requester, matrix::RoomId room) {
  if (requester.is_admin()) {
    co_return true;
  }
  const std::optional<std::int64_t> number = co_await shared.rooms.number(room);
  if (!number) {
    co_return false;
  }
  const std::optional<service::Membership> membership =
      co_await shared.rooms.membership(requester.account().user_number, *number);
  const EventPtr create = co_await shared.rooms.current_state(room, "m.room.create", "");
  const EventPtr levels = co_await shared.rooms.current_state(room, "m.room.power_levels", "");
  if (!membership || membership->membership != "join" || !create) {
    co_return false;
  }
  const matrix::PowerLevels power{create->version(), create.get(), levels.get()};
  co_return power.user(requester.user().view()) >= power.to_send("m.room.canonical_alias", true);
}

void add_aliases(Shared& shared) {
  http::Router& router = shared.server.router();
  router.add<Access::Public>(
      Method::Get, http::client_paths("/directory/room/{roomAlias}"), {.name = "ClientDirectoryServer"},
      [&shared](const Anyone&, Request& request) { return get_alias(shared, request); });
  router.add<Access::User>(
      Method::Put, http::client_paths("/directory/room/{roomAlias}"),
      // Each is a row that stays, so they are counted as what else stays.
      {.name = "ClientDirectoryServer", .rate_limit = "rc_message", .allow_suspended = false},
      [&shared](const Requester& requester, Request& request) {
        return put_alias(shared, requester, request);
      });
  router.add<Access::User>(Method::Delete, http::client_paths("/directory/room/{roomAlias}"),
                           {.name = "ClientDirectoryServer",
                            .rate_limit = "rc_message",
                            .allow_suspended = false,
                            .body_optional = true},
                           [&shared](const Requester& requester, Request& request) {
                             return delete_alias(shared, requester, request);
                           });
  router.add<Access::User>(Method::Get, http::client_paths("/rooms/{roomId}/aliases"),
                           {.name = "RoomAliasListServlet", .shard = "roomId"},
                           [&shared](const Requester& requester, Request& request) {
                             return get_aliases(shared, requester, request);
                           });
}

}  // namespace lares::directory
