// SPDX-License-Identifier: Apache-2.0
#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/matrix/event.hpp>

#include <nlohmann/json.hpp>

#include "endpoints.hpp"

namespace lares::rooms {

using nlohmann::json;

matrix::RoomId room_id(const http::Request& request) {
  auto room = matrix::RoomId::parse(request.param("roomId"));
  if (!room) {
    throw http::invalid_param("This is no room id.");
  }
  return std::move(*room);
}

matrix::UserId parse_user(const std::string& text) {
  auto user = matrix::UserId::parse(text);
  if (!user) {
    throw http::invalid_param("This is no user id.");
  }
  return std::move(*user);
}

service::RoomDirectory& directory(Shared& shared) {
  service::RoomDirectory* const found = shared.server.services().find<service::RoomDirectory>();
  if (found == nullptr) {
    throw http::not_found("This server has no room directory.");
  }
  return *found;
}

Task<matrix::RoomId> room_named(Shared& shared, std::string text) {
  if (auto room = matrix::RoomId::parse(text)) {
    co_return std::move(*room);
  }
  auto alias = matrix::RoomAlias::parse(text);
  if (!alias) {
    throw http::invalid_param("This is neither a room id nor a room alias.");
  }
  std::optional<matrix::RoomId> room = co_await directory(shared).resolve(std::move(*alias));
  if (!room) {
    throw http::not_found("This room alias is not known here.");
  }
  co_return std::move(*room);
}

std::string events_array(const service::RoomView& view, const std::vector<service::StoredEventPtr>& events) {
  std::string out = "[";
  for (const service::StoredEventPtr& event : events) {
    if (out.size() > 1) {
      out += ',';
    }
    view.append_client_event(out, *event, false);
  }
  out += ']';
  return out;
}

Task<service::NewEvent> member_event(Shared& shared, const matrix::UserId& sender, matrix::UserId member,
                                     std::string_view membership, std::optional<std::string> reason) {
  json content = {{"membership", membership}};
  const bool invite = membership == "invite";
  if (membership == "join" || membership == "knock" ||
      (invite && shared.server.config()->boolean("include_profile_data_on_invite"))) {
    const std::optional<service::Profile> profile = co_await shared.profiles.profile(member);
    if (profile && profile->displayname) {
      content["displayname"] = *profile->displayname;
    }
    if (profile && profile->avatar_url) {
      content["avatar_url"] = *profile->avatar_url;
    }
  }
  if (reason) {
    content["reason"] = *reason;
  }
  co_return service::NewEvent{.type = "m.room.member",
                              .state_key = member.str(),
                              .sender = sender,
                              .content = content.dump(),
                              .redacts = {},
                              .origin_server_ts = 0};
}

namespace {

// Modules see an event before it is signed and has its place in the room.
Task<void> ask_modules(Shared& shared, const matrix::RoomVersion& version, std::optional<matrix::RoomId> room,
                       const service::NewEvent& event) {
  matrix::EventDraft draft;
  draft.type = event.type;
  draft.state_key = event.state_key;
  draft.sender = event.sender.str();
  // An event has a room; modules are not shown one that is not there yet.
  draft.room_id = room ? room->str() : "!new:" + shared.server.name();
  draft.content = event.content;
  draft.redacts = event.redacts;
  draft.origin_server_ts = shared.server.runtime().now_ms();
  if (version.has_event_id_field()) {
    draft.event_id = matrix::random_event_id(shared.server.runtime(), shared.keys.server_name());
  }
  const auto built = matrix::build_unsigned(draft, version);
  if (!built) {
    co_return;
  }
  const service::SpamVerdict verdict = co_await shared.spam.check_event(**built, std::move(room));
  require(verdict);
}

}  // namespace

Task<void> ask_about_event(Shared& shared, matrix::RoomId room, const service::NewEvent& event) {
  if (!shared.spam.asks(service::SpamChecker::Hook::Event)) {
    co_return;
  }
  const matrix::EventPtr create = co_await shared.rooms.current_state(room, "m.room.create", "");
  if (create) {
    co_await ask_modules(shared, create->version(), std::move(room), event);
  }
}

Task<void> ask_about_first_events(Shared& shared, const matrix::RoomVersion& version,
                                  std::span<const service::NewEvent> events) {
  if (!shared.spam.asks(service::SpamChecker::Hook::Event)) {
    co_return;
  }
  for (const service::NewEvent& event : events) {
    co_await ask_modules(shared, version, std::nullopt, event);
  }
}

void require(const service::SpamVerdict& verdict) {
  if (verdict.allowed) {
    return;
  }
  const int status = verdict.errcode == "M_LIMIT_EXCEEDED" ? 429 : 403;
  http::MatrixError error{status, verdict.errcode.empty() ? "M_FORBIDDEN" : verdict.errcode,
                          verdict.message.empty() ? "This server does not allow it." : verdict.message};
  const json fields = json::parse(verdict.extra_fields, nullptr, false);
  if (fields.is_object()) {
    for (const auto& [key, value] : fields.items()) {
      if (key != "errcode" && key != "error") {
        error = std::move(error).with(key, value.dump());
      }
    }
  }
  throw http::MatrixError{error};
}

Task<service::WriteResult> write_one(Shared& shared, matrix::RoomId room, service::NewEvent event,
                                     std::optional<service::TransactionKey> transaction) {
  service::WriteRequest request;
  request.room = std::move(room);
  request.events.push_back(std::move(event));
  request.transaction = std::move(transaction);
  co_return co_await shared.writer.write(std::move(request));
}

}  // namespace lares::rooms
