// SPDX-License-Identifier: Apache-2.0
#include <lares/base/strings.hpp>
#include <lares/http/matrix_error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

#include "endpoints.hpp"

namespace lares::directory {

using http::Access;
using http::Anyone;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;
using nlohmann::json;

namespace {

constexpr std::int64_t kMostRooms = 500;
constexpr std::size_t kUsualRooms = 100;
constexpr std::size_t kLongestTerm = 255;

matrix::RoomId room_of(const Request& request) {
  auto room = matrix::RoomId::parse(request.param("roomId"));
  if (!room) {
    throw http::invalid_param("This is no room id.");
  }
  return std::move(*room);
}

Task<std::int64_t> number_of(Shared& shared, matrix::RoomId room) {
  const std::optional<std::int64_t> number = co_await shared.rooms.number(room);
  if (!number) {
    throw http::not_found("This room is not known here.");
  }
  co_return *number;
}

/// GET /directory/list/room/{roomId}. spec: Client-Server API, "Published room directory"
Task<Response> get_visibility(Shared& shared, Request& request) {
  const std::int64_t number = co_await number_of(shared, room_of(request));
  const bool listed = co_await shared.directory.listed(number);
  co_return Response::json({{"visibility", listed ? "public" : "private"}});
}

/// PUT /directory/list/room/{roomId}
Task<Response> put_visibility(Shared& shared, const Requester& requester, Request& request) {
  const matrix::RoomId room = room_of(request);
  const json visibility = request.json().value("visibility", json("public"));
  if (!visibility.is_string()) {
    throw http::bad_json("'visibility' is not a string.");
  }
  if (visibility != "public" && visibility != "private") {
    throw http::invalid_param("'visibility' is public or private.");
  }
  const std::int64_t number = co_await number_of(shared, room);
  if (!co_await may_change(shared, requester, room)) {
    throw http::forbidden("You do not have the power to change whether this room is listed.");
  }
  const bool listed = visibility == "public";
  if (listed) {
    const std::vector<std::string> aliases = co_await shared.directory.aliases(number);
    shared.directory.check_publishing(requester.user(), &room, aliases);
  }
  request.shield_from_cancellation();
  co_await shared.directory.publish(number, listed);
  co_return Response::empty_object();
}

struct Query {
  std::size_t limit = kUsualRooms;
  std::size_t from = 0;
  std::string term;                                                   // in lower case
  std::optional<std::vector<std::optional<std::string>>> room_types;  // nothing for rooms without a type
};

// Where a page begins: `p` and how many rooms stand before it.
std::size_t place_of(const std::string& token) {
  if (token.empty()) {
    return 0;
  }
  std::size_t place = 0;
  const auto [end, error] = std::from_chars(token.data() + 1, token.data() + token.size(), place);
  if (token.size() < 2 || token.front() != 'p' || error != std::errc{} ||
      end != token.data() + token.size()) {
    throw http::invalid_param("'since' is no token of this list.");
  }
  return place;
}

bool contains(const std::optional<std::string>& text, const std::string& term) {
  return text && to_lower_ascii(*text).find(term) != std::string::npos;
}

bool wanted(const PublicRoom& room, const Query& query) {
  if (query.room_types && std::ranges::find(*query.room_types, room.room_type) == query.room_types->end()) {
    return false;
  }
  return query.term.empty() || contains(room.name, query.term) || contains(room.topic, query.term) ||
         contains(room.canonical_alias, query.term);
}

json room_json(const PublicRoom& room) {
  json shown = {{"room_id", room.room_id},
                {"num_joined_members", room.joined},
                {"join_rule", room.join_rule},
                {"world_readable", room.world_readable},
                {"guest_can_join", room.guest_can_join}};
  for (const auto& [key, value] :
       std::initializer_list<std::pair<const char*, const std::optional<std::string>*>>{
           {"name", &room.name},
           {"topic", &room.topic},
           {"canonical_alias", &room.canonical_alias},
           {"avatar_url", &room.avatar_url},
           {"room_type", &room.room_type}}) {
    if (*value) {
      shown[key] = **value;
    }
  }
  return shown;
}

Task<Response> answer(Shared& shared, Request& request, Query query) {
  if (const std::optional<std::string> server = request.query("server");
      server && *server != shared.server.name()) {
    throw http::not_found("The list of another server cannot be had here.");
  }
  if (!shared.server.config()->boolean("enable_room_list_search")) {
    co_return Response::json({{"chunk", json::array()}, {"total_room_count_estimate", 0}});
  }
  const PublicRoomList list = co_await shared.public_rooms.list();
  json chunk = json::array();
  std::size_t at = 0;
  std::size_t total = 0;
  for (const PublicRoom& room : *list) {
    if (!wanted(room, query)) {
      continue;
    }
    ++total;
    if (at++ >= query.from && chunk.size() < query.limit) {
      chunk.push_back(room_json(room));
    }
  }
  const std::size_t end = query.from + chunk.size();
  json body = {{"chunk", std::move(chunk)}, {"total_room_count_estimate", total}};
  if (end < total) {
    body["next_batch"] = "p" + std::to_string(end);
  }
  if (query.from > 0) {
    body["prev_batch"] = "p" + std::to_string(query.from > query.limit ? query.from - query.limit : 0);
  }
  co_return Response::json(body);
}

/// GET /publicRooms. spec: Client-Server API, "Published room directory"
Task<Response> get_public_rooms(Shared& shared, Request& request) {
  Query query;
  query.limit = static_cast<std::size_t>(
      std::min(request.query_integer("limit", kUsualRooms, 0, INT64_MAX), kMostRooms));
  if (query.limit == 0) {
    query.limit = kUsualRooms;
  }
  if (const std::optional<std::string> since = request.query("since"); since && !since->empty()) {
    query.from = place_of(*since);
  }
  co_return co_await answer(shared, request, std::move(query));
}

Query query_of(const json& body) {
  Query query;
  if (const auto limit = body.find("limit"); limit != body.end() && !limit->is_null()) {
    if (!limit->is_number_integer() || *limit < 0) {
      throw http::bad_json("'limit' is not a number of rooms.");
    }
    query.limit = *limit > kMostRooms ? static_cast<std::size_t>(kMostRooms) : limit->get<std::size_t>();
    if (query.limit == 0) {
      query.limit = kUsualRooms;
    }
  }
  if (const auto since = body.find("since"); since != body.end() && !since->is_null()) {
    if (!since->is_string()) {
      throw http::bad_json("'since' is not a string.");
    }
    query.from = place_of(since->get<std::string>());
  }
  const auto filter = body.find("filter");
  if (filter == body.end() || filter->is_null()) {
    return query;
  }
  if (!filter->is_object()) {
    throw http::bad_json("'filter' is not an object.");
  }
  if (const auto term = filter->find("generic_search_term"); term != filter->end() && !term->is_null()) {
    if (!term->is_string() || term->get_ref<const std::string&>().size() > kLongestTerm) {
      throw http::bad_json("'generic_search_term' is not a string of at most 255 bytes.");
    }
    query.term = to_lower_ascii(term->get<std::string>());
  }
  if (const auto types = filter->find("room_types"); types != filter->end() && !types->is_null()) {
    if (!types->is_array() || types->size() > kUsualRooms) {
      throw http::bad_json("'room_types' is not a list of types.");
    }
    query.room_types.emplace();
    for (const json& type : *types) {
      if (!type.is_string() && !type.is_null()) {
        throw http::bad_json("'room_types' is not a list of types.");
      }
      query.room_types->push_back(type.is_null() ? std::optional<std::string>{}
                                                 : std::optional{type.get<std::string>()});
    }
  }
  return query;
}

/// POST /publicRooms
Task<Response> post_public_rooms(Shared& shared, Request& request) {
  Query query = query_of(request.json());
  co_return co_await answer(shared, request, std::move(query));
}

}  // namespace

void add_list(Shared& shared) {
  http::Router& router = shared.server.router();
  router.add<Access::Public>(
      Method::Get, http::client_paths("/directory/list/room/{roomId}"), {.name = "ClientDirectoryListServer"},
      [&shared](const Anyone&, Request& request) { return get_visibility(shared, request); });
  router.add<Access::User>(Method::Put, http::client_paths("/directory/list/room/{roomId}"),
                           {.name = "ClientDirectoryListServer", .allow_suspended = false},
                           [&shared](const Requester& requester, Request& request) {
                             return put_visibility(shared, requester, request);
                           });
  // Who may ask is part of a route's type, so it is settled at start.
  if (shared.server.config()->boolean("allow_public_rooms_without_auth")) {
    router.add<Access::Public>(
        Method::Get, http::client_paths("/publicRooms"), {.name = "PublicRoomListRestServlet"},
        [&shared](const Anyone&, Request& request) { return get_public_rooms(shared, request); });
  } else {
    router.add<Access::Guest>(
        Method::Get, http::client_paths("/publicRooms"), {.name = "PublicRoomListRestServlet"},
        [&shared](const Requester&, Request& request) { return get_public_rooms(shared, request); });
  }
  router.add<Access::Guest>(
      Method::Post, http::client_paths("/publicRooms"),
      {.name = "PublicRoomListRestServlet", .body_optional = true},
      [&shared](const Requester&, Request& request) { return post_public_rooms(shared, request); });
}

}  // namespace lares::directory
