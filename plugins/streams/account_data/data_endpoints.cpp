// SPDX-License-Identifier: Apache-2.0
#include <lares/http/matrix_error.hpp>
#include <lares/json/canonical.hpp>
#include <lares/service/push_rules.hpp>
#include <lares/storage/transaction.hpp>

#include <utility>

#include "endpoints.hpp"

namespace lares::account_data {

using http::Access;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;

namespace {

constexpr std::string_view kPushRules = "m.push_rules";

std::string checked_type(const Request& request) {
  const std::string& type = request.param("type");
  if (type.empty() || type.size() > kLongestName) {
    throw http::invalid_param("A type of account data has between 1 and 255 bytes.");
  }
  return type;
}

// What the server itself keeps.
void refuse_server_types(std::string_view type) {
  if (type == kFullyRead || type == kPushRules) {
    throw http::MatrixError{405, "M_BAD_JSON", "Cannot set " + std::string{type} + " through this API."};
  }
}

void check_content(std::string_view type, bool of_room, const json::Value& content) {
  if (!of_room || type != kTags) {
    return;
  }
  const json::Value tags = content["tags"];
  if (tags && (!tags.is_object() || tags.members().size() > kMostTags)) {
    throw http::bad_json("'tags' is an object of at most 100 tags.");
  }
}

/// PUT account data. spec: Client-Server API, "Client Config"
Task<Response> put_data(Shared& shared, const Requester& requester, Request& request, bool of_room) {
  std::string type = checked_type(request);
  Change change = co_await begin_change(shared, requester, request, of_room, std::move(type));
  refuse_server_types(change.type);
  const json::Value body = request.json_view();
  check_content(change.type, of_room, body);
  auto content = json::canonicalise(body.bytes(), {.numbers = json::Numbers::kAny});
  if (!content) {
    throw http::bad_json(json::describe(content.error().code));
  }
  change.content = std::move(*content);
  request.shield_from_cancellation();
  co_await write(shared, std::move(change));
  co_return Response::empty_object();
}

/// GET account data. spec: Client-Server API, "Client Config"
Task<Response> get_data(Shared& shared, const Requester& requester, Request& request, bool of_room) {
  std::string type = checked_type(request);
  const Change change = co_await begin_change(shared, requester, request, of_room, std::move(type));
  if (!of_room && change.type == kPushRules) {
    if (service::PushRules* const rules = shared.server.services().find<service::PushRules>()) {
      co_return Response::json_text(co_await rules->content(change.user, change.user_id));
    }
  }
  std::optional<std::string> found = co_await shared.database.read(
      "account_data",
      [&change](storage::ReadTransaction& tx) { return find(tx, change.user, change.room, change.type); });
  if (!found) {
    throw http::not_found("There is no account data of this type.");
  }
  co_return Response::json_text(std::move(*found));
}

/// DELETE account data, as clients of MSC3391 send it.
Task<Response> delete_data(Shared& shared, const Requester& requester, Request& request, bool of_room) {
  std::string type = checked_type(request);
  Change change = co_await begin_change(shared, requester, request, of_room, std::move(type));
  refuse_server_types(change.type);
  const bool there = co_await shared.database.read("account_data", [&change](storage::ReadTransaction& tx) {
    return find(tx, change.user, change.room, change.type).has_value();
  });
  if (there) {
    change.action = Action::kDelete;
    request.shield_from_cancellation();
    co_await write(shared, std::move(change));
  }
  co_return Response::empty_object();
}

}  // namespace

Task<Change> begin_change(Shared& shared, const Requester& requester, const Request& request, bool of_room,
                          std::string type) {
  if (request.param("userId") != requester.user().view()) {
    throw http::forbidden("You have access to your own account data only.");
  }
  Change change;
  change.user = requester.account().user_number;
  change.user_id = requester.user().str();
  change.type = std::move(type);
  if (of_room) {
    const auto room = matrix::RoomId::parse(request.param("roomId"));
    if (!room) {
      throw http::invalid_param("This is no room id.");
    }
    const std::optional<std::int64_t> number = co_await shared.rooms.number(*room);
    const std::optional<service::Membership> membership =
        number ? co_await shared.rooms.membership(change.user, *number) : std::nullopt;
    if (!membership) {
      throw http::forbidden("You have never been in this room.");
    }
    change.room = *number;
    change.room_id = room->str();
  }
  co_return change;
}

Task<void> write(Shared& shared, Change change) {
  co_await shared.database.read("account_data_bounds", [&change](storage::ReadTransaction& tx) {
    refuse_beyond_bounds(tx, change);
    return true;
  });
  std::string key = change.user_id;
  co_await shared.writer.write(std::move(key), std::move(change));
}

void add_data(Shared& shared) {
  http::Router& router = shared.server.router();
  for (const bool of_room : {false, true}) {
    const std::string path =
        of_room ? "/user/{userId}/rooms/{roomId}/account_data/{type}" : "/user/{userId}/account_data/{type}";
    const std::string_view name = of_room ? "RoomAccountDataServlet" : "AccountDataServlet";
    router.add<Access::User>(
        Method::Put, http::client_paths(path, {"v3", "r0", "unstable"}),
        {.name = name, .spec = "Client-Server API, Client Config", .body_limit = kMostContent},
        [&shared, of_room](const Requester& requester, Request& request) {
          return put_data(shared, requester, request, of_room);
        });
    router.add<Access::User>(Method::Get, http::client_paths(path, {"v3", "r0", "unstable"}),
                             {.name = name, .spec = "Client-Server API, Client Config"},
                             [&shared, of_room](const Requester& requester, Request& request) {
                               return get_data(shared, requester, request, of_room);
                             });
    router.add<Access::User>(
        Method::Delete, {"/_matrix/client/unstable/org.matrix.msc3391" + path},
        {.name = of_room ? "UnstableRoomAccountDataServlet" : "UnstableAccountDataServlet",
         .body_optional = true},
        [&shared, of_room](const Requester& requester, Request& request) {
          return delete_data(shared, requester, request, of_room);
        });
  }
}

}  // namespace lares::account_data
