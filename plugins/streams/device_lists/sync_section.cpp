// SPDX-License-Identifier: Apache-2.0
#include "sync_section.hpp"

#include <lares/http/matrix_error.hpp>
#include <lares/matrix/filter.hpp>
#include <lares/stream/hub.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace lares::device_lists {

using http::Request;
using http::Requester;
using http::Response;
using service::JoinedRoomSync;
using stream::Token;

namespace {

bool has_member_event(const std::vector<std::string>& events) {
  return std::ranges::any_of(
      events, [](const std::string& event) { return event.find("\"m.room.member\"") != std::string::npos; });
}

// Whether somebody may have come or gone: most syncs bring messages alone, and need not ask the database.
bool may_have_moved(const service::SyncScope& scope, const service::SyncResponse& response) {
  if (!scope.filter->timeline().trivial() || !scope.filter->state().trivial() || !response.left.empty()) {
    return true;
  }
  return std::ranges::any_of(response.joined, [](const JoinedRoomSync& room) {
    return room.newly_joined || room.limited || has_member_event(room.timeline) ||
           has_member_event(room.state);
  });
}

Token token_of(const Request& request, std::string_view name) {
  const std::optional<std::string> text = request.query(name);
  if (!text) {
    throw http::missing_param("'from' and 'to' are needed.");
  }
  auto token = Token::parse(*text);
  if (!token) {
    throw http::invalid_param(token.error());
  }
  return std::move(*token);
}

}  // namespace

SyncSection::SyncSection(Server& server) : server_(server), sharing_(server) {
  server.router().add<http::Access::Guest>(
      http::Method::Get, http::client_paths("/keys/changes"),
      {.name = "KeyChangesServlet",
       .spec = "Client-Server API, Tracking the device list for a user",
       .shard = "user"},
      [this](const Requester& requester, Request& request) { return get_changes(requester, request); });
}

Task<void> SyncSection::contribute(service::SyncScope& scope, service::SyncResponse& response) {
  if (scope.initial) {
    co_return;  // a client that knows nothing asks for whomever it needs
  }
  const Memberships memberships =
      may_have_moved(scope, response) ? Memberships::kLookUp : Memberships::kUnchanged;
  Differences differences = co_await sharing_.between(scope.user, scope.from, scope.to, memberships);
  response.device_lists_changed = std::move(differences.changed);
  response.device_lists_left = std::move(differences.left);
}

Task<Response> SyncSection::get_changes(const Requester& requester, Request& request) {
  const Token present = server_.services().get<stream::Hub>().now();
  bool cut = false;
  Token from = token_of(request, "from").limited_to(present, cut);
  Token to = token_of(request, "to").limited_to(present, cut);
  const Differences differences = co_await sharing_.between(requester.account().user_number, std::move(from),
                                                            std::move(to), Memberships::kLookUp);
  co_return Response::json({{"changed", differences.changed}, {"left", differences.left}});
}

}  // namespace lares::device_lists
