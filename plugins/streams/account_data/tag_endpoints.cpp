// SPDX-License-Identifier: Apache-2.0
#include <lares/http/matrix_error.hpp>
#include <lares/json/canonical.hpp>
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

constexpr std::size_t kMostTagContent = 4096;

Task<Change> begin_tag(Shared& shared, const Requester& requester, Request& request) {
  const std::string& tag = request.param("tag");
  if (tag.empty() || tag.size() > kLongestName) {
    throw http::invalid_param("A tag has between 1 and 255 bytes.");
  }
  Change change = co_await begin_change(shared, requester, request, true, std::string{kTags});
  change.tag = tag;
  co_return change;
}

/// GET /user/{userId}/rooms/{roomId}/tags. spec: Client-Server API, "Room Tagging"
Task<Response> get_tags(Shared& shared, const Requester& requester, Request& request) {
  const Change change = co_await begin_change(shared, requester, request, true, std::string{kTags});
  std::optional<std::string> found = co_await shared.database.read(
      "room_tags",
      [&change](storage::ReadTransaction& tx) { return find(tx, change.user, change.room, kTags); });
  co_return Response::json_text(found && json::Value{*found}["tags"].is_object() ? std::move(*found)
                                                                                 : R"({"tags":{}})");
}

/// PUT /user/{userId}/rooms/{roomId}/tags/{tag}. spec: Client-Server API, "Room Tagging"
Task<Response> put_tag(Shared& shared, const Requester& requester, Request& request) {
  Change change = co_await begin_tag(shared, requester, request);
  const json::Value body = request.json_view();
  const json::Value order = body["order"];
  if (order && !order.as_double()) {
    throw http::bad_json("'order' is not a number.");
  }
  auto content = json::canonicalise(body.bytes(), {.numbers = json::Numbers::kAny});
  if (!content) {
    throw http::bad_json(json::describe(content.error().code));
  }
  change.action = Action::kPutTag;
  change.content = std::move(*content);
  request.shield_from_cancellation();
  co_await write(shared, std::move(change));
  co_return Response::empty_object();
}

/// DELETE /user/{userId}/rooms/{roomId}/tags/{tag}. spec: Client-Server API, "Room Tagging"
Task<Response> delete_tag(Shared& shared, const Requester& requester, Request& request) {
  Change change = co_await begin_tag(shared, requester, request);
  const std::optional<std::string> found = co_await shared.database.read(
      "room_tags",
      [&change](storage::ReadTransaction& tx) { return find(tx, change.user, change.room, kTags); });
  if (found && json::Value{*found}.at("tags", std::string_view{change.tag})) {
    change.action = Action::kDeleteTag;
    request.shield_from_cancellation();
    co_await write(shared, std::move(change));
  }
  co_return Response::empty_object();
}

}  // namespace

void add_tags(Shared& shared) {
  http::Router& router = shared.server.router();
  router.add<Access::User>(Method::Get,
                           http::client_paths("/user/{userId}/rooms/{roomId}/tags", {"v3", "r0", "unstable"}),
                           {.name = "TagListServlet", .spec = "Client-Server API, Room Tagging"},
                           [&shared](const Requester& requester, Request& request) {
                             return get_tags(shared, requester, request);
                           });
  const std::vector<std::string> paths =
      http::client_paths("/user/{userId}/rooms/{roomId}/tags/{tag}", {"v3", "r0", "unstable"});
  router.add<Access::User>(Method::Put, paths,
                           {.name = "TagServlet",
                            .spec = "Client-Server API, Room Tagging",
                            .body_optional = true,
                            .body_limit = kMostTagContent},
                           [&shared](const Requester& requester, Request& request) {
                             return put_tag(shared, requester, request);
                           });
  router.add<Access::User>(
      Method::Delete, paths,
      {.name = "TagServlet", .spec = "Client-Server API, Room Tagging", .body_optional = true},
      [&shared](const Requester& requester, Request& request) {
        return delete_tag(shared, requester, request);
      });
}

}  // namespace lares::account_data
