// SPDX-License-Identifier: Apache-2.0
#include <lares/http/matrix_error.hpp>
#include <lares/matrix/room_version.hpp>

#include <nlohmann/json.hpp>

#include <map>
#include <utility>

#include "endpoints.hpp"

namespace lares::rooms {

using http::Access;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;
using nlohmann::json;
using service::NewEvent;

namespace {

constexpr std::size_t kMostInitialState = 50;
constexpr std::size_t kMostInvites = 50;

/// What a preset sets. spec: Client-Server API, "Creation", table of presets
struct Preset {
  const char* join_rule;
  const char* history_visibility;
  const char* guest_access;
  bool trusted = false;
};

Preset preset_named(const std::string& name) {
  if (name == "private_chat") {
    return {"invite", "shared", "can_join"};
  }
  if (name == "trusted_private_chat") {
    return {"invite", "shared", "can_join", true};
  }
  if (name == "public_chat") {
    return {"public", "shared", "forbidden"};
  }
  throw http::bad_json("This preset does not exist.");
}

const json& object_of(const json& body, const char* key) {
  static const json kEmpty = json::object();
  const auto found = body.find(key);
  if (found == body.end() || found->is_null()) {
    return kEmpty;
  }
  if (!found->is_object()) {
    throw http::bad_json("'" + std::string{key} + "' is not an object.");
  }
  return *found;
}

std::vector<matrix::UserId> invites_of(const json& body) {
  std::vector<matrix::UserId> users;
  const auto found = body.find("invite");
  if (found == body.end() || found->is_null()) {
    return users;
  }
  if (!found->is_array()) {
    throw http::bad_json("'invite' is not a list of user ids.");
  }
  if (found->size() > kMostInvites) {
    throw http::invalid_param("At most 50 users are invited when a room is created.");
  }
  for (const json& entry : *found) {
    if (!entry.is_string()) {
      throw http::bad_json("'invite' is not a list of user ids.");
    }
    users.push_back(parse_user(entry.get<std::string>()));
  }
  return users;
}

json power_levels(const matrix::RoomVersion& version, const matrix::UserId& creator,
                  const std::vector<matrix::UserId>& trusted, const json& override) {
  json content = {{"users", json::object()},
                  {"users_default", 0},
                  {"events",
                   {{"m.room.name", 50},
                    {"m.room.power_levels", 100},
                    {"m.room.history_visibility", 100},
                    {"m.room.canonical_alias", 50},
                    {"m.room.avatar", 50},
                    {"m.room.tombstone", version.privileged_creators ? 150 : 100},
                    {"m.room.server_acl", 100},
                    {"m.room.encryption", 100}}},
                  {"events_default", 0},
                  {"state_default", 50},
                  {"ban", 50},
                  {"kick", 50},
                  {"redact", 50},
                  {"invite", 50},
                  {"historical", 100}};
  // Where creators have power without being named, naming them is refused.
  if (!version.privileged_creators) {
    content["users"][creator.str()] = 100;
    for (const matrix::UserId& user : trusted) {
      content["users"][user.str()] = 100;
    }
  }
  for (const auto& [key, value] : override.items()) {
    content[key] = value;
  }
  return content;
}

/// The events of a room in the order in which they are sent.
class Plan {
 public:
  explicit Plan(const matrix::UserId& creator) : creator_(creator) {}

  void add(std::string type, std::string state_key, const json& content) {
    events_.push_back({.type = std::move(type),
                       .state_key = std::move(state_key),
                       .sender = creator_,
                       .content = content.dump(),
                       .redacts = {},
                       .origin_server_ts = 0});
  }
  void add(NewEvent event) { events_.push_back(std::move(event)); }
  [[nodiscard]] std::vector<NewEvent> take() { return std::move(events_); }

 private:
  matrix::UserId creator_;
  std::vector<NewEvent> events_;
};

/// POST /createRoom. spec: Client-Server API, "Creation"
Task<Response> post_create_room(Shared& shared, const Requester& requester, Request& request) {
  const json& body = request.json();
  const std::string visibility = optional_string(body, "visibility").value_or("private");
  if (visibility != "private" && visibility != "public") {
    throw http::invalid_param("A room's visibility is public or private.");
  }
  const Preset preset = preset_named(
      optional_string(body, "preset").value_or(visibility == "public" ? "public_chat" : "private_chat"));
  const std::string version_name =
      optional_string(body, "room_version").value_or(std::string{matrix::default_room_version().id});
  const matrix::RoomVersion* version = matrix::find_room_version(version_name);
  if (version == nullptr) {
    throw http::MatrixError(400, "M_UNSUPPORTED_ROOM_VERSION",
                            "This server does not know this room version.");
  }
  const std::vector<matrix::UserId> invites = invites_of(body);
  const matrix::UserId& creator = requester.user();

  if (shared.spam.asks(service::SpamChecker::Hook::CreateRoom)) {
    const service::SpamVerdict verdict = co_await shared.spam.user_may_create_room(creator, body.dump());
    require(verdict);
  }
  Plan plan{creator};
  json create = object_of(body, "creation_content");
  create["room_version"] = version_name;
  if (!version->implicit_creator) {
    create["creator"] = creator.str();
  }
  if (version->privileged_creators && preset.trusted && !invites.empty()) {
    json& additional = create["additional_creators"];
    if (!additional.is_array()) {
      additional = json::array();
    }
    for (const matrix::UserId& user : invites) {
      additional.push_back(user.str());
    }
  }
  plan.add("m.room.create", "", create);
  plan.add(co_await member_event(shared, creator, creator, "join", std::nullopt));
  plan.add("m.room.power_levels", "",
           power_levels(*version, creator, preset.trusted ? invites : std::vector<matrix::UserId>{},
                        object_of(body, "power_level_content_override")));

  // What the client gives takes the place of what the preset would set.
  std::map<std::pair<std::string, std::string>, json> initial;
  std::vector<std::pair<std::string, std::string>> order;
  if (const auto list = body.find("initial_state"); list != body.end() && !list->is_null()) {
    if (!list->is_array() || list->size() > kMostInitialState) {
      throw http::bad_json("'initial_state' is not a list of at most 50 events.");
    }
    for (const json& event : *list) {
      if (!event.is_object()) {
        throw http::bad_json("An entry of 'initial_state' is not an object.");
      }
      std::pair<std::string, std::string> key{required_string(event, "type"),
                                              optional_string(event, "state_key").value_or("")};
      if (!initial.contains(key)) {
        order.push_back(key);
      }
      initial[std::move(key)] = object_of(event, "content");
    }
  }
  for (const auto& [type, content] : std::initializer_list<std::pair<const char*, json>>{
           {"m.room.join_rules", {{"join_rule", preset.join_rule}}},
           {"m.room.history_visibility", {{"history_visibility", preset.history_visibility}}},
           {"m.room.guest_access", {{"guest_access", preset.guest_access}}}}) {
    if (!initial.contains({type, ""})) {
      plan.add(type, "", content);
    }
  }
  for (const auto& key : order) {
    plan.add(key.first, key.second, initial[key]);
  }
  if (const std::optional<std::string> name = optional_string(body, "name"); name && !name->empty()) {
    plan.add("m.room.name", "", {{"name", *name}});
  }
  if (const std::optional<std::string> topic = optional_string(body, "topic"); topic && !topic->empty()) {
    plan.add("m.room.topic", "",
             {{"topic", *topic}, {"m.topic", {{"m.text", json::array({{{"body", *topic}}})}}}});
  }
  const bool is_direct = body.value("is_direct", false);
  for (const matrix::UserId& user : invites) {
    NewEvent invite = co_await member_event(shared, creator, user, "invite", std::nullopt);
    if (is_direct) {
      json content = json::parse(invite.content);
      content["is_direct"] = true;
      invite.content = content.dump();
    }
    plan.add(std::move(invite));
  }

  service::WriteRequest write;
  write.room_version = version_name;
  write.events = plan.take();
  request.shield_from_cancellation();
  const service::WriteResult written = co_await shared.writer.write(std::move(write));
  co_return Response::json({{"room_id", written.room.str()}});
}

}  // namespace

void add_create_room(Shared& shared) {
  shared.server.router().add<Access::User>(Method::Post, http::client_paths("/createRoom"),
                                           {.name = "RoomCreateRestServlet",
                                            .spec = "Client-Server API, Creation",
                                            .rate_limit = "rc_message",
                                            .allow_suspended = false,
                                            .body_optional = true},
                                           [&shared](const Requester& requester, Request& request) {
                                             return post_create_room(shared, requester, request);
                                           });
}

}  // namespace lares::rooms
