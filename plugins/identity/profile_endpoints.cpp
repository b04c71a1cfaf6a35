// SPDX-License-Identifier: Apache-2.0
#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/service/rooms.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <vector>

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
constexpr std::size_t kLongestFieldName = 255;
constexpr std::string_view kDisplayName = "displayname";
constexpr std::string_view kAvatarUrl = "avatar_url";

// Whether two users of this server are in a room together.
Task<bool> share_a_room(Shared& shared, std::int64_t reader, matrix::UserId other) {
  service::Rooms* const rooms = shared.server.services().find<service::Rooms>();
  const std::optional<AccountRow> account = co_await shared.accounts.find(std::move(other));
  if (rooms == nullptr || !account) {
    co_return false;
  }
  const std::vector<std::int64_t> mine = co_await rooms->joined_rooms(reader);
  const std::vector<std::int64_t> theirs = co_await rooms->joined_rooms(account->account);
  const std::unordered_set<std::int64_t> known(mine.begin(), mine.end());
  co_return std::ranges::any_of(theirs, [&known](std::int64_t room) { return known.contains(room); });
}

// `requester` is null where the server shows profiles to anyone.
Task<service::Profile> profile_of(Shared& shared, const Requester* requester, Request& request) {
  auto user = matrix::UserId::parse(request.param("userId"));
  if (!user) {
    throw http::invalid_param("This is no user id.");
  }
  if (requester != nullptr && *user != requester->user() &&
      shared.server.config()->boolean("limit_profile_requests_to_users_who_share_rooms") &&
      !co_await share_a_room(shared, requester->account().user_number, *user)) {
    throw http::forbidden("Profiles are shown to those alone who are in a room with their user.");
  }
  std::optional<service::Profile> profile = co_await shared.profiles.profile(std::move(*user));
  if (!profile) {
    throw http::not_found("No such user.");
  }
  co_return std::move(*profile);
}

/// GET /profile/{userId}. spec: Client-Server API, "Profiles"
Task<Response> get_profile(Shared& shared, const Requester* requester, Request& request) {
  const service::Profile profile = co_await profile_of(shared, requester, request);
  json answer = json::parse(profile.fields);
  if (profile.displayname) {
    answer["displayname"] = *profile.displayname;
  }
  if (profile.avatar_url) {
    answer["avatar_url"] = *profile.avatar_url;
  }
  co_return Response::json(answer);
}

/// GET /profile/{userId}/{keyName}
Task<Response> get_field(Shared& shared, const Requester* requester, Request& request) {
  const service::Profile profile = co_await profile_of(shared, requester, request);
  const std::string& field = request.param("keyName");
  if (field != kDisplayName && field != kAvatarUrl) {
    const json fields = json::parse(profile.fields);
    const auto found = fields.find(field);
    if (found == fields.end()) {
      throw http::not_found("The profile has no such field.");
    }
    co_return Response::json({{field, *found}});
  }
  const std::optional<std::string>& value = field == kDisplayName ? profile.displayname : profile.avatar_url;
  co_return value ? Response::json({{field, *value}}) : Response::empty_object();
}

// spec: Appendices, "Common Namespaced Identifier Grammar"; a name without a dot belongs to the
// specification.
void check_field_name(const std::string& field) {
  if (field.size() > kLongestFieldName) {
    throw http::MatrixError(400, "M_KEY_TOO_LARGE", "The name of a field is at most 255 bytes long.");
  }
  const bool letters = std::ranges::all_of(field, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  });
  if (!letters || field.empty() || field.front() < 'a' || field.find('.') == std::string::npos) {
    throw http::invalid_param("This is no field of a profile.");
  }
}

// Where users may not change it, they may still choose it once.
Task<void> refuse_change(Shared& shared, const Requester& requester, std::string field) {
  const ConfigPtr config = shared.server.config();
  const bool name = field == kDisplayName;
  if (requester.is_admin() || config->boolean(name ? "enable_set_displayname" : "enable_set_avatar_url")) {
    co_return;
  }
  const std::optional<service::Profile> profile = co_await shared.profiles.profile(requester.user());
  if (profile && (name ? profile->displayname : profile->avatar_url)) {
    throw http::forbidden("On this server '" + field + "' is not changed by its user.");
  }
}

// Absent to remove the field. What stands in rooms of the user's is brought up to date afterwards.
Task<Response> set_field(Shared& shared, const Requester& requester, Request& request,
                         std::optional<json> value) {
  if (request.param("userId") != requester.user().view()) {
    throw http::forbidden("You can change your own profile only.");
  }
  const std::string& field = request.param("keyName");
  const std::int64_t account = requester.account().user_number;
  const std::int64_t now = shared.server.runtime().now_ms();
  if (requester.is_guest() && field != kDisplayName) {
    throw http::MatrixError(403, "M_GUEST_ACCESS_FORBIDDEN", "Guests have a display name only.");
  }
  if (field != kDisplayName && field != kAvatarUrl) {
    check_field_name(field);
    request.shield_from_cancellation();
    co_await shared.profiles.set_field(account, requester.user(), field,
                                       value ? std::optional{value->dump()} : std::nullopt, now);
    co_return Response::empty_object();
  }
  co_await refuse_change(shared, requester, field);
  std::optional<std::string> text;
  if (value && !value->is_null()) {
    if (!value->is_string()) {
      throw http::bad_json("'" + field + "' is not a string.");
    }
    text = value->get<std::string>();
  }
  // Nobody is called nothing: older clients remove a field so.
  if (text && text->empty()) {
    text.reset();
  }
  if (field == kDisplayName) {
    if (text && text->size() > kLongestDisplayName) {
      throw http::too_large("A display name is at most 256 bytes long.");
    }
    request.shield_from_cancellation();
    co_await shared.profiles.set_displayname(account, requester.user(), std::move(text), now);
  } else {
    if (text && text->size() > kLongestAvatarUrl) {
      throw http::too_large("An avatar's address is at most 1000 bytes long.");
    }
    request.shield_from_cancellation();
    co_await shared.profiles.set_avatar_url(account, requester.user(), std::move(text), now);
  }
  shared.tasks.wake();
  co_return Response::empty_object();
}

/// PUT /profile/{userId}/{keyName}
Task<Response> put_field(Shared& shared, const Requester& requester, Request& request) {
  const std::string& field = request.param("keyName");
  const json& body = request.json();
  const auto given = body.find(field);
  if (given == body.end()) {
    throw http::missing_param("'" + field + "' is missing.");
  }
  co_return co_await set_field(shared, requester, request, *given);
}

/// DELETE /profile/{userId}/{keyName}
Task<Response> delete_field(Shared& shared, const Requester& requester, Request& request) {
  return set_field(shared, requester, request, std::nullopt);
}

}  // namespace

void add_profile(Shared& shared) {
  http::Router& router = shared.server.router();
  const ConfigPtr config = shared.server.config();
  if (config->boolean("require_auth_for_profile_requests") ||
      config->boolean("limit_profile_requests_to_users_who_share_rooms")) {
    router.add<Access::Guest>(Method::Get, http::client_paths("/profile/{userId}"),
                              {.name = "ProfileRestServlet"},
                              [&shared](const Requester& requester, Request& request) {
                                return get_profile(shared, &requester, request);
                              });
    router.add<Access::Guest>(Method::Get, http::client_paths("/profile/{userId}/{keyName}"),
                              {.name = "ProfileFieldRestServlet"},
                              [&shared](const Requester& requester, Request& request) {
                                return get_field(shared, &requester, request);
                              });
  } else {
    router.add<Access::Public>(
        Method::Get, http::client_paths("/profile/{userId}"), {.name = "ProfileRestServlet"},
        [&shared](const Anyone&, Request& request) { return get_profile(shared, nullptr, request); });
    router.add<Access::Public>(
        Method::Get, http::client_paths("/profile/{userId}/{keyName}"), {.name = "ProfileFieldRestServlet"},
        [&shared](const Anyone&, Request& request) { return get_field(shared, nullptr, request); });
  }
  router.add<Access::Guest>(
      Method::Put, http::client_paths("/profile/{userId}/{keyName}"),
      {.name = "ProfileFieldRestServlet", .rate_limit = "rc_message", .allow_suspended = false},
      [&shared](const Requester& requester, Request& request) {
        return put_field(shared, requester, request);
      });
  router.add<Access::Guest>(Method::Delete, http::client_paths("/profile/{userId}/{keyName}"),
                            {.name = "ProfileFieldRestServlet",
                             .rate_limit = "rc_message",
                             .allow_suspended = false,
                             .body_optional = true},
                            [&shared](const Requester& requester, Request& request) {
                              return delete_field(shared, requester, request);
                            });
}

}  // namespace lares::identity
