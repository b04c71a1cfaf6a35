// SPDX-License-Identifier: Apache-2.0
#include "endpoints.hpp"

#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/http/router.hpp>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace lares::presence {

using http::Access;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;

namespace {

constexpr std::size_t kLongestStatus = 1'024;

/// PUT /presence/{userId}/status. spec: Client-Server API, "Presence"
Task<Response> put_status(Shared& shared, const Requester& requester, Request& request) {
  if (request.param("userId") != requester.user().view()) {
    throw http::forbidden("You can set your own presence only.");
  }
  const json::Value body = request.json_view();
  const json::Value given = body["presence"];
  if (!given) {
    throw http::missing_param("'presence' is missing.");
  }
  const std::optional<State> state = parse_state(given.to_string().value_or(""));
  if (!state) {
    throw http::bad_json("'presence' is one of online, unavailable and offline.");
  }
  Statement statement{.user = requester.account().user_number,
                      .user_id = requester.user().str(),
                      .state = *state,
                      .status_msg = std::string{}};
  if (const json::Value status = body["status_msg"]; status && !status.is_null()) {
    statement.status_msg = status.to_string();
    if (!statement.status_msg) {
      throw http::bad_json("'status_msg' is not a string.");
    }
    if (statement.status_msg->size() > kLongestStatus) {
      throw http::too_large("A status is at most 1024 bytes long.");
    }
  }
  if (shared.settings.tracked) {
    request.shield_from_cancellation();
    co_await shared.writer.say(std::move(statement));
  }
  co_return Response::empty_object();
}

/// GET /presence/{userId}/status. spec: Client-Server API, "Presence"
Task<Response> get_status(Shared& shared, const Requester& requester, Request& request) {
  const auto user = matrix::UserId::parse(request.param("userId"));
  if (!user) {
    throw http::invalid_param("This is no user id.");
  }
  const std::optional<std::int64_t> number = co_await shared.interner.lookup_user(user->view());
  bool shares = number && *number == requester.account().user_number;
  if (number && !shares) {
    const std::vector<std::int64_t> mine =
        co_await shared.rooms.joined_rooms(requester.account().user_number);
    const std::vector<std::int64_t> theirs = co_await shared.rooms.joined_rooms(*number);
    shares = std::ranges::any_of(
        mine, [&theirs](std::int64_t room) { return std::ranges::find(theirs, room) != theirs.end(); });
  }
  if (!shares) {
    throw http::forbidden("You do not share a room with this user.");
  }
  PresencePtr presence = shared.settings.tracked ? co_await shared.board.ask_for(*number) : nullptr;
  if (!presence) {
    PresenceState absent;
    if (shared.settings.tracked) {
      std::vector<std::int64_t> one{*number};
      const auto found = co_await shared.statuses.find(std::move(one));
      if (const auto status = found.find(*number); status != found.end()) {
        absent.status_msg = status->second;
      }
    }
    presence = std::make_shared<const PresenceState>(std::move(absent));
  }
  co_return Response::json_text(content_of(*presence, shared.server.runtime().now_ms()));
}

}  // namespace

void add_endpoints(Shared& shared) {
  http::Router& router = shared.server.router();
  const std::vector<std::string> paths =
      http::client_paths("/presence/{userId}/status", {"v3", "r0", "unstable"});
  router.add<Access::User>(Method::Put, paths,
                           {.name = "PresenceStatusRestServlet",
                            .spec = "Client-Server API, Presence",
                            .rate_limit = kChangesLimit,
                            .shard = "user",
                            .body_limit = 16'384},
                           [&shared](const Requester& requester, Request& request) {
                             return put_status(shared, requester, request);
                           });
  router.add<Access::User>(
      Method::Get, paths,
      {.name = "PresenceStatusRestServlet", .spec = "Client-Server API, Presence", .shard = "user"},
      [&shared](const Requester& requester, Request& request) {
        return get_status(shared, requester, request);
      });
}

}  // namespace lares::presence
