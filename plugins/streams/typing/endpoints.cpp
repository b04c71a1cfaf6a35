// SPDX-License-Identifier: Apache-2.0
#include "endpoints.hpp"

#include <lares/http/matrix_error.hpp>
#include <lares/http/router.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace lares::typing {

using http::Access;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;

namespace {

constexpr std::int64_t kUsualMs = 30'000;
constexpr std::int64_t kLongestMs = 120'000;

/// PUT /rooms/{roomId}/typing/{userId}. spec: Client-Server API, "Typing Notifications"
Task<Response> put_typing(Shared& shared, const Requester& requester, Request& request) {
  if (request.param("userId") != requester.user().view()) {
    throw http::forbidden("You can say of yourself alone that you type.");
  }
  const auto room = matrix::RoomId::parse(request.param("roomId"));
  if (!room) {
    throw http::invalid_param("This is no room id.");
  }
  const json::Value body = request.json_view();
  const json::Value typing = body["typing"];
  if (!typing) {
    throw http::missing_param("'typing' is missing.");
  }
  const std::optional<bool> types = typing.as_bool();
  if (!types) {
    throw http::bad_json("'typing' is not true or false.");
  }
  std::int64_t timeout = kUsualMs;
  if (const json::Value given = body["timeout"]) {
    const std::optional<std::int64_t> number = given.as_int64();
    if (!number || *number < 0) {
      throw http::bad_json("'timeout' is not a number of milliseconds.");
    }
    timeout = std::min(*number, kLongestMs);
  }
  const std::unique_ptr<service::RoomView> view = co_await shared.rooms.view(requester, *room);
  TypingChange change{.room = view->room(),
                      .room_id = room->str(),
                      .user = requester.account().user_number,
                      .user_id = requester.user().str(),
                      .typing = *types,
                      .timeout_ms = timeout};
  request.shield_from_cancellation();
  co_await shared.writer.change(std::move(change));
  co_return Response::empty_object();
}

}  // namespace

void add_endpoints(Shared& shared) {
  shared.server.router().add<Access::User>(
      Method::Put, http::client_paths("/rooms/{roomId}/typing/{userId}", {"v3", "r0", "unstable"}),
      {.name = "RoomTypingRestServlet",
       .spec = "Client-Server API, Typing Notifications",
       .shard = "roomId",
       .body_limit = 4096},
      [&shared](const Requester& requester, Request& request) {
        return put_typing(shared, requester, request);
      });
}

}  // namespace lares::typing
