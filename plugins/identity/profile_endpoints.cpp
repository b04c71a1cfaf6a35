// SPDX-License-Identifier: Apache-2.0
#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>

#include <nlohmann/json.hpp>

#include "endpoints.hpp"

namespace lares::identity {

using http::Access;
using http::Anyone;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;
using nlohmann::json;

namespace {

constexpr std::size_t kLongestDisplayName = 256;
constexpr std::size_t kLongestAvatarUrl = 1000;

Task<service::Profile> profile_of(Shared& shared, Request& request) {
  auto user = matrix::UserId::parse(request.param("userId"));
  if (!user) {
    throw http::invalid_param("This is no user id.");
  }
  std::optional<service::Profile> profile = co_await shared.profiles.profile(std::move(*user));
  if (!profile) {
    throw http::not_found("No such user.");
  }
  co_return std::move(*profile);
}

/// GET /profile/{userId}. spec: Client-Server API, "Profiles"
Task<Response> get_profile(Shared& shared, Request& request) {
  const service::Profile profile = co_await profile_of(shared, request);
  json answer = json::object();
  if (profile.displayname) {
    answer["displayname"] = *profile.displayname;
  }
  if (profile.avatar_url) {
    answer["avatar_url"] = *profile.avatar_url;
  }
  co_return Response::json(answer);
}

Task<Response> get_field(Shared& shared, Request& request) {
  const service::Profile profile = co_await profile_of(shared, request);
  const std::string& field = request.param("keyName");
  const std::optional<std::string>* value = field == "displayname"  ? &profile.displayname
                                            : field == "avatar_url" ? &profile.avatar_url
                                                                    : nullptr;
  if (value == nullptr) {
    throw http::not_found("The profile has no such field.");
  }
  co_return *value ? Response::json({{field, **value}}) : Response::empty_object();
}

Task<Response> put_field(Shared& shared, const Requester& requester, Request& request) {
  if (request.param("userId") != requester.user().view()) {
    throw http::forbidden("You can change your own profile only.");
  }
  const std::string& field = request.param("keyName");
  std::optional<std::string> value = optional_string(request.json(), field.c_str());
  const std::int64_t account = requester.account().user_number;
  const std::int64_t now = shared.server.runtime().now_ms();
  if (requester.is_guest() && field != "displayname") {
    throw http::MatrixError(403, "M_GUEST_ACCESS_FORBIDDEN", "Guests have a display name only.");
  }
  if (field == "displayname") {
    if (value && value->size() > kLongestDisplayName) {
      throw http::too_large("A display name is at most 256 bytes long.");
    }
    request.shield_from_cancellation();
    co_await shared.profiles.set_displayname(account, requester.user(), std::move(value), now);
  } else if (field == "avatar_url") {
    if (value && value->size() > kLongestAvatarUrl) {
      throw http::too_large("An avatar's address is at most 1000 bytes long.");
    }
    request.shield_from_cancellation();
    co_await shared.profiles.set_avatar_url(account, requester.user(), std::move(value), now);
  } else {
    throw http::invalid_param("This field of the profile cannot be set.");
  }
  shared.tasks.wake();
  co_return Response::empty_object();
}

}  // namespace

void add_profile(Shared& shared) {
  http::Router& router = shared.server.router();
  router.add<Access::Public>(
      Method::Get, http::client_paths("/profile/{userId}"), {.name = "ProfileRestServlet"},
      [&shared](const Anyone&, Request& request) { return get_profile(shared, request); });
  router.add<Access::Public>(
      Method::Get, http::client_paths("/profile/{userId}/{keyName}"), {.name = "ProfileFieldRestServlet"},
      [&shared](const Anyone&, Request& request) { return get_field(shared, request); });
  router.add<Access::Guest>(Method::Put, http::client_paths("/profile/{userId}/{keyName}"),
                            {.name = "ProfileFieldRestServlet", .allow_suspended = false},
                            [&shared](const Requester& requester, Request& request) {
                              return put_field(shared, requester, request);
                            });
}

}  // namespace lares::identity
