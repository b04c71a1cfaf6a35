// SPDX-License-Identifier: Apache-2.0
#include <lares/http/matrix_error.hpp>
#include <lares/matrix/room_version.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
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
  const char* name;
  const char* join_rule;
  const char* history_visibility;
  const char* guest_access;
  bool trusted = false;
};

Preset preset_named(const std::string& name) {
  if (name == "private_chat") {
    return {"private_chat", "invite", "shared", "can_join"};
  }
  if (name == "trusted_private_chat") {
    return {"trusted_private_chat", "invite", "shared", "can_join", true};
  }
  if (name == "public_chat") {
    return {"public_chat", "public", "shared", "forbidden"};
  }
  throw http::bad_json("This preset does not exist.");
}

constexpr const char* kEncryptionKey = "encryption_enabled_by_default_for_room_type";
constexpr const char* kLevelsKey = "default_power_level_content_override.";
constexpr std::array<const char*, 3> kPresets{"private_chat", "trusted_private_chat", "public_chat"};

bool encrypted_by_default(const Config& config, const Preset& preset) {
  const std::string which = config.string(kEncryptionKey);
  return which == "all" || (which == "invite" && std::string_view{preset.join_rule} == "invite");
}

// Where the administrator wants other levels than are usual.
void prefer_levels(const Config& config, const Preset& preset, json& levels) {
  const json& preferred = config.get(std::string{kLevelsKey} + preset.name);
  if (preferred.is_object()) {
    levels.update(preferred);
  }
}

std::vector<std::pair<const char*, json>> preset_state(const Config& config, const Preset& preset) {
  std::vector<std::pair<const char*, json>> state{
      {"m.room.join_rules", {{"join_rule", preset.join_rule}}},
      {"m.room.history_visibility", {{"history_visibility", preset.history_visibility}}},
      {"m.room.guest_access", {{"guest_access", preset.guest_access}}}};
  if (encrypted_by_default(config, preset)) {
    state.emplace_back("m.room.encryption", json{{"algorithm", "m.megolm.v1.aes-sha2"}});
  }
  return state;
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
    matrix::UserId user = parse_user(entry.get<std::string>());
    if (std::ranges::find(users, user) == users.end()) {
      users.push_back(std::move(user));
    }
  }
  return users;
}

// State that the client gives, by type and state key, in the client's order; of two for one place the last.
class InitialState {
 public:
  explicit InitialState(const json& body) {
    const auto list = body.find("initial_state");
    if (list == body.end() || list->is_null()) {
      return;
    }
    if (!list->is_array() || list->size() > kMostInitialState) {
      throw http::bad_json("'initial_state' is not a list of at most 50 events.");
    }
    for (const json& event : *list) {
      if (!event.is_object()) {
        throw http::bad_json("An entry of 'initial_state' is not an object.");
      }
      Key key{required_string(event, "type"), optional_string(event, "state_key").value_or("")};
      if (!contents_.contains(key)) {
        order_.push_back(key);
      }
      contents_[std::move(key)] = object_of(event, "content");
    }
  }

  [[nodiscard]] bool has(const char* type) const { return contents_.contains({type, ""}); }
  /// Takes the content out, if it is there.
  [[nodiscard]] std::optional<json> take(const char* type) {
    auto found = contents_.extract({type, ""});
    if (found.empty()) {
      return std::nullopt;
    }
    std::erase(order_, found.key());
    return std::move(found.mapped());
  }
  /// Takes out the members, by their user ids.
  [[nodiscard]] std::vector<std::pair<matrix::UserId, json>> take_members() {
    std::vector<std::pair<matrix::UserId, json>> members;
    std::erase_if(order_, [&](const Key& key) {
      if (key.first != "m.room.member") {
        return false;
      }
      members.emplace_back(parse_user(key.second), std::move(contents_.extract(key).mapped()));
      return true;
    });
    return members;
  }
  void add_to(Plan& plan) const {
    for (const Key& key : order_) {
      plan.add(key.first, key.second, contents_.at(key));
    }
  }

 private:
  using Key = std::pair<std::string, std::string>;
  std::map<Key, json> contents_;
  std::vector<Key> order_;
};

// The alias that the room is to get. spec: "room_alias_name"
std::optional<matrix::RoomAlias> alias_of(const Shared& shared, const json& body) {
  const std::optional<std::string> name = optional_string(body, "room_alias_name");
  if (!name) {
    return std::nullopt;
  }
  auto alias = name->find_first_of(": \t\n") == std::string::npos && !name->empty()
                   ? matrix::RoomAlias::parse("#" + *name + ":" + shared.server.name())
                   : matrix::RoomAlias::parse("");
  if (!alias) {
    throw http::invalid_param("'room_alias_name' is no local part of a room alias.");
  }
  return std::move(*alias);
}

// Who makes a room may do anything in it, but for what would make it another's or nobody's.
Task<service::WriteResult> write_first(Shared& shared, service::WriteRequest events) {
  try {
    co_return co_await shared.writer.write(std::move(events));
  } catch (const http::MatrixError& refused) {
    if (refused.errcode() != "M_FORBIDDEN") {
      throw;
    }
    throw http::MatrixError(400, "M_INVALID_ROOM_STATE", refused.what());
  }
}

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
      optional_string(body, "room_version").value_or(shared.server.config()->string("default_room_version"));
  const matrix::RoomVersion* version = matrix::find_room_version(version_name);
  if (version == nullptr) {
    throw http::MatrixError(400, "M_UNSUPPORTED_ROOM_VERSION",
                            "This server does not know this room version.");
  }
  const matrix::UserId& creator = requester.user();
  std::vector<matrix::UserId> invites = invites_of(body);
  std::erase(invites, creator);
  if (const auto others = body.find("invite_3pid");
      others != body.end() && !(others->is_array() && others->empty()) && !others->is_null()) {
    throw http::MatrixError(403, "M_THREEPID_DENIED", "This server does not invite by address.");
  }
  const std::optional<matrix::RoomAlias> alias = alias_of(shared, body);
  if (alias) {
    co_await directory(shared).check(creator, *alias, std::nullopt);
  }
  if (visibility == "public") {
    directory(shared).check_publishing(
        creator, nullptr, alias ? std::vector<std::string>{alias->str()} : std::vector<std::string>{});
  }

  if (shared.spam.asks(service::SpamChecker::Hook::CreateRoom)) {
    const service::SpamVerdict verdict = co_await shared.spam.user_may_create_room(creator, body.dump());
    require(verdict);
  }
  Plan plan{creator};
  json create = object_of(body, "creation_content");
  // Who made the room and of what version it is are not the client's to say.
  create["room_version"] = version_name;
  if (version->implicit_creator) {
    create.erase("creator");
  } else {
    create["creator"] = creator.str();
  }
  if (version->privileged_creators && preset.trusted && !invites.empty()) {
    json& additional = create["additional_creators"];
    if (!additional.is_array()) {
      additional = json::array();
    }
    for (const matrix::UserId& user : invites) {
      if (std::ranges::find(additional, json(user.str())) == additional.end()) {
        additional.push_back(user.str());
      }
    }
  }
  plan.add("m.room.create", "", create);
  plan.add(co_await member_event(shared, creator, creator, "join", std::nullopt));
  // What the client gives takes the place of what the preset would set.
  InitialState initial{body};
  json levels =
      first_power_levels(*version, creator, preset.trusted ? invites : std::vector<matrix::UserId>{});
  std::optional<json> given_levels = initial.take("m.room.power_levels");
  const json& own_levels = object_of(body, "power_level_content_override");
  const bool client_levels = given_levels || !own_levels.empty();
  if (given_levels) {
    levels = std::move(*given_levels);
  } else {
    prefer_levels(*shared.server.config(), preset, levels);
  }
  levels.update(own_levels);
  plan.add("m.room.power_levels", "", levels);
  if (client_levels) {
    co_await ask_about_first_events(shared, *version, plan.events().last(1));
  }
  if (alias) {
    (void)initial.take("m.room.canonical_alias");
    plan.add("m.room.canonical_alias", "", {{"alias", alias->str()}});
  }
  for (const auto& [type, content] : preset_state(*shared.server.config(), preset)) {
    if (!initial.has(type)) {
      plan.add(type, "", content);
    }
  }
  const std::optional<std::string> name = optional_string(body, "name");
  const std::optional<std::string> topic = optional_string(body, "topic");
  if (name && !name->empty()) {
    (void)initial.take("m.room.name");
  }
  if (topic && !topic->empty()) {
    (void)initial.take("m.room.topic");
  }
  std::vector<std::pair<matrix::UserId, json>> initial_members = initial.take_members();
  const std::size_t servers = plan.size();
  initial.add_to(plan);
  if (name && !name->empty()) {
    plan.add("m.room.name", "", {{"name", *name}});
  }
  if (topic && !topic->empty()) {
    plan.add("m.room.topic", "",
             {{"topic", *topic}, {"m.topic", {{"m.text", json::array({{{"body", *topic}}})}}}});
  }
  std::vector<matrix::UserId> invited = invites;
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
  for (auto& [user, content] : initial_members) {
    content.erase(kAuthorisingUser);
    plan.add(NewEvent{.type = "m.room.member",
                      .state_key = user.str(),
                      .sender = creator,
                      .content = content.dump(),
                      .redacts = {},
                      .origin_server_ts = 0});
    if (content.value("membership", json{}) == "invite") {
      invited.push_back(std::move(user));
    }
  }
  co_await ask_about_first_events(shared, *version, plan.events().subspan(servers));
  require_may_invite_so_many(shared, requester, invited.size());
  // Before anything is written: a client whose request fails sends it again, and would get a room each time.
  for (const matrix::UserId& user : invited) {
    co_await ask_about_invite(shared, requester, user, std::nullopt);
  }

  service::WriteRequest write;
  write.room_version = version_name;
  write.events = plan.take();
  request.shield_from_cancellation();
  const service::WriteResult written = co_await write_first(shared, std::move(write));
  count_invites(shared, written.room, invited.size());
  if (alias) {
    co_await directory(shared).add(creator, *alias, written.room);
  }
  if (visibility == "public") {
    const std::optional<std::int64_t> number = co_await shared.rooms.number(written.room);
    co_await directory(shared).publish(*number, true);
  }
  co_return Response::json({{"room_id", written.room.str()}});
}

}  // namespace

json first_power_levels(const matrix::RoomVersion& version, const matrix::UserId& creator,
                        const std::vector<matrix::UserId>& trusted) {
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
  return content;
}

Task<Plan> usual_room(Shared& shared, const matrix::RoomVersion& version, matrix::UserId creator,
                      std::string preset, matrix::RoomAlias alias, bool federated) {
  const ConfigPtr config = shared.server.config();
  const Preset chosen = preset_named(preset);
  json create = {{"room_version", version.id}};
  if (!version.implicit_creator) {
    create["creator"] = creator.str();
  }
  if (!federated) {
    create["m.federate"] = false;
  }
  json levels = first_power_levels(version, creator, {});
  prefer_levels(*config, chosen, levels);
  Plan plan{creator};
  plan.add("m.room.create", "", create);
  plan.add(co_await member_event(shared, creator, creator, "join", std::nullopt));
  plan.add("m.room.power_levels", "", levels);
  plan.add("m.room.canonical_alias", "", {{"alias", alias.str()}});
  for (const auto& [type, content] : preset_state(*config, chosen)) {
    plan.add(type, "", content);
  }
  co_return plan;
}

void Plan::add(std::string type, std::string state_key, const json& content) {
  events_.push_back({.type = std::move(type),
                     .state_key = std::move(state_key),
                     .sender = creator_,
                     .content = content.dump(),
                     .redacts = {},
                     .origin_server_ts = 0});
}

void declare_creation(Declarations& declarations) {
  declarations.config({.path = kEncryptionKey,
                       .type = ConfigType::String,
                       .default_value = "\"off\"",
                       .meaning =
                           "Which new rooms are encrypted where the client does not say so: all, those "
                           "that are entered by invitation (invite), or none (off).",
                       .reload = Reload::Live,
                       .allowed = {"all", "invite", "off"}});
  for (const char* preset : kPresets) {
    declarations.config({.path = std::string{kLevelsKey} + preset,
                         .type = ConfigType::Any,
                         .default_value = "null",
                         .meaning = "Keys of m.room.power_levels that new rooms of this preset begin with in "
                                    "place of the usual ones; what the client says goes before.",
                         .check = [](const json& levels) -> std::string {
                           return levels.is_object() ? "" : "a mapping of keys of m.room.power_levels";
                         }});
  }
}

void add_create_room(Shared& shared) {
  shared.server.router().add<Access::User>(Method::Post, http::client_paths("/createRoom"),
                                           {.name = "RoomCreateRestServlet",
                                            .spec = "Client-Server API, Creation",
                                            .rate_limit = "rc_room_creation",
                                            .allow_suspended = false,
                                            .body_optional = true},
                                           [&shared](const Requester& requester, Request& request) {
                                             return post_create_room(shared, requester, request);
                                           });
}

}  // namespace lares::rooms
