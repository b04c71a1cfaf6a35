// SPDX-License-Identifier: Apache-2.0
#include <lares/base/log.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/matrix/power_levels.hpp>
#include <lares/matrix/room_version.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

#include "endpoints.hpp"

namespace lares::rooms {

using http::Access;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;
using matrix::EventPtr;
using nlohmann::json;
using service::NewEvent;
using service::RoomView;
using service::StoredEventPtr;

namespace {

// What the new room has as the old one had it, beside power levels, bans and the children of a space.
constexpr std::array<std::string_view, 8> kCarriedOver{
    "m.room.join_rules",   "m.room.name",       "m.room.topic",      "m.room.history_visibility",
    "m.room.guest_access", "m.room.encryption", "m.room.server_acl", "m.room.avatar"};

// A request writes a hundred events; create, join and power levels are the first three.
constexpr std::size_t kEventsAtOnce = 100;

std::vector<std::string> additional_creators(const json& body) {
  std::vector<std::string> users;
  const auto found = body.find("additional_creators");
  if (found == body.end() || found->is_null()) {
    return users;
  }
  if (!found->is_array() || found->size() > kEventsAtOnce) {
    throw http::bad_json("'additional_creators' is not a list of user ids.");
  }
  for (const json& entry : *found) {
    if (!entry.is_string()) {
      throw http::bad_json("'additional_creators' is not a list of user ids.");
    }
    users.push_back(parse_user(entry.get<std::string>()).str());
  }
  return users;
}

json tree_of(lares::json::Value content) {
  return json::parse(content.bytes());
}

json create_content(const matrix::Event& old_create, const matrix::RoomVersion& version,
                    const matrix::UserId& creator, const std::vector<std::string>& others,
                    const StoredEventPtr& last) {
  json content = json::object();
  for (const char* kept : {"type", "m.federate"}) {
    if (const lares::json::Value value = old_create.content()[kept]) {
      content[kept] = tree_of(value);
    }
  }
  content["room_version"] = version.id;
  if (!version.implicit_creator) {
    content["creator"] = creator.str();
  }
  if (version.privileged_creators && !others.empty()) {
    content["additional_creators"] = others;
  }
  content["predecessor"] = {{"room_id", old_create.room_id()}};
  // What came last is the tombstone, which names the new room; where that name is the hash of this event,
  // neither can name the other.
  if (last && !version.room_id_is_create_hash) {
    content["predecessor"]["event_id"] = last->event->event_id();
  }
  return content;
}

// The old levels, under which the creator can still set the room up. Creators whose power is infinite are not
// named, and their successors' power over the room's end is above that of those who are.
json carried_levels(const StoredEventPtr& old, const matrix::RoomVersion& version,
                    const matrix::UserId& creator, const std::vector<std::string>& others) {
  json levels = old ? tree_of(old->event->content()) : first_power_levels(version, creator, {});
  if (!levels.contains("users") || !levels["users"].is_object()) {
    levels["users"] = json::object();
  }
  json& users = levels["users"];
  if (version.privileged_creators) {
    users.erase(creator.str());
    for (const std::string& user : others) {
      users.erase(user);
    }
    if (!levels.contains("events") || !levels["events"].is_object()) {
      levels["events"] = json::object();
    }
    const json tombstone = levels["events"].value("m.room.tombstone", json(0));
    if (!tombstone.is_number_integer() || tombstone < 150) {
      levels["events"]["m.room.tombstone"] = 150;
    }
    return levels;
  }
  std::int64_t needed = 100;
  for (const char* key : {"state_default", "ban", "kick", "redact", "invite"}) {
    if (levels.contains(key) && levels[key].is_number_integer()) {
      needed = std::max(needed, levels[key].get<std::int64_t>());
    }
  }
  if (levels.contains("events") && levels["events"].is_object()) {
    for (const auto& [type, level] : levels["events"].items()) {
      if (level.is_number_integer()) {
        needed = std::max(needed, level.get<std::int64_t>());
      }
    }
  }
  const json own = users.value(creator.str(), json(0));
  if (!own.is_number_integer() || own < needed) {
    users[creator.str()] = needed;
  }
  return levels;
}

Plan plan_of(const std::vector<StoredEventPtr>& state, const matrix::UserId& creator, bool space) {
  Plan plan{creator};
  for (const StoredEventPtr& event : state) {
    const matrix::Event& old = *event->event;
    const bool carried =
        old.state_key() == "" && std::ranges::find(kCarriedOver, old.type()) != kCarriedOver.end();
    const bool ban = old.type() == "m.room.member" && old.content()["membership"].equals("ban");
    const bool child = space && old.type() == "m.space.child" && !old.content().members().empty();
    if (carried || ban || child) {
      plan.add(std::string{old.type()}, std::string{*old.state_key()}, tree_of(old.content()));
    }
  }
  return plan;
}

// Nobody needs to talk in the old room, and an upgrade does not fail because somebody still can.
Task<void> quieten(Shared& shared, const Requester& requester, matrix::RoomId room, StoredEventPtr levels) {
  if (!levels) {
    co_return;
  }
  json content = tree_of(levels->event->content());
  const json usual = content.value("users_default", json(0));
  const std::int64_t level =
      std::max<std::int64_t>(usual.is_number_integer() ? usual.get<std::int64_t>() + 1 : 1, 50);
  bool changed = false;
  for (const char* key : {"events_default", "invite"}) {
    const json is = content.value(key, json(0));
    if (!is.is_number_integer() || is < level) {
      content[key] = level;
      changed = true;
    }
  }
  if (!changed) {
    co_return;
  }
  NewEvent event{.type = "m.room.power_levels",
                 .state_key = "",
                 .sender = requester.user(),
                 .content = content.dump(),
                 .redacts = {},
                 .origin_server_ts = 0};
  try {
    co_await write_one(shared, std::move(room), std::move(event), std::nullopt);
  } catch (const http::MatrixError& error) {
    log::Logger{"lares.rooms"}.info("A room that was upgraded was not made silent: {}", error.what());
  }
}

Task<void> move_aliases(Shared& shared, const Requester& requester, matrix::RoomId from, std::int64_t number,
                        matrix::RoomId to, StoredEventPtr canonical) {
  service::RoomDirectory* const directory = shared.server.services().find<service::RoomDirectory>();
  if (directory != nullptr) {
    const std::optional<std::int64_t> successor = co_await shared.rooms.number(to);
    co_await directory->move(number, *successor);
  }
  if (!canonical) {
    co_return;
  }
  NewEvent event{.type = "m.room.canonical_alias",
                 .state_key = "",
                 .sender = requester.user(),
                 .content = "{}",
                 .redacts = {},
                 .origin_server_ts = 0};
  NewEvent moved = event;
  moved.content = canonical->event->content().bytes();
  try {
    co_await write_one(shared, std::move(from), std::move(event), std::nullopt);
    co_await write_one(shared, std::move(to), std::move(moved), std::nullopt);
  } catch (const http::MatrixError& error) {
    log::Logger{"lares.rooms"}.info("The canonical alias of an upgraded room was not moved: {}",
                                    error.what());
  }
}

// What a client would have sent to make the new room by itself.
Task<void> ask_about_new_room(Shared& shared, const matrix::UserId& creator,
                              const matrix::RoomVersion& version, std::span<const NewEvent> first,
                              std::span<const NewEvent> rest) {
  if (!shared.spam.asks(service::SpamChecker::Hook::CreateRoom)) {
    co_return;
  }
  json request = {{"room_version", version.id}, {"initial_state", json::array()}};
  for (const std::span<const NewEvent> events : {first, rest}) {
    for (const NewEvent& event : events) {
      json content = json::parse(event.content);
      if (event.type == "m.room.create") {
        request["creation_content"] = std::move(content);
      } else if (event.type != "m.room.member" || event.state_key != creator.view()) {
        request["initial_state"].push_back(
            {{"type", event.type}, {"state_key", *event.state_key}, {"content", std::move(content)}});
      }
    }
  }
  const service::SpamVerdict verdict = co_await shared.spam.user_may_create_room(creator, request.dump());
  require(verdict);
}

/// POST /rooms/{roomId}/upgrade. spec: Client-Server API, "Room Upgrades"
Task<Response> post_upgrade(Shared& shared, const Requester& requester, Request& request) {
  const matrix::RoomId room = room_id(request);
  const json& body = request.json();
  const matrix::RoomVersion* const version = matrix::find_room_version(required_string(body, "new_version"));
  if (version == nullptr) {
    throw http::MatrixError(400, "M_UNSUPPORTED_ROOM_VERSION",
                            "This server does not know this room version.");
  }
  const std::vector<std::string> others = additional_creators(body);
  const matrix::UserId& creator = requester.user();
  const std::unique_ptr<RoomView> view = co_await shared.rooms.view(requester, room);
  const StoredEventPtr create = co_await view->state_event("m.room.create", "");
  if (!create) {
    // A process that is behind may know of the membership and not of the room yet.
    throw http::not_found("This room is not known here.");
  }
  const StoredEventPtr levels = co_await view->state_event("m.room.power_levels", "");
  const StoredEventPtr canonical = co_await view->state_event("m.room.canonical_alias", "");
  const matrix::PowerLevels power{view->version(), create->event.get(),
                                  levels ? levels->event.get() : nullptr};
  if (power.user(creator.view()) < power.to_send("m.room.tombstone", true)) {
    throw http::forbidden("You do not have the power to upgrade this room.");
  }
  if (co_await view->state_event("m.room.tombstone", "")) {
    throw http::forbidden("This room has been upgraded already.");
  }
  service::HistoryPage newest =
      co_await view->history(std::nullopt, std::nullopt, service::Direction::kBackwards, 1, nullptr);
  const StoredEventPtr last = newest.events.empty() ? nullptr : newest.events.front();

  Plan first{creator};
  first.add("m.room.create", "", create_content(*create->event, *version, creator, others, last));
  first.add(co_await member_event(shared, creator, creator, "join", std::nullopt));
  first.add("m.room.power_levels", "", carried_levels(levels, *version, creator, others));
  Plan rest = plan_of(co_await view->state(), creator, create->event->content()["type"].equals("m.space"));
  co_await ask_about_new_room(shared, creator, *version, first.events(), rest.events());
  std::vector<NewEvent> later = rest.take();

  service::WriteRequest write;
  write.room_version = version->id;
  write.events = first.take();
  std::size_t taken = std::min(later.size(), kEventsAtOnce - write.events.size());
  std::move(later.begin(), later.begin() + static_cast<std::ptrdiff_t>(taken),
            std::back_inserter(write.events));
  request.shield_from_cancellation();
  const service::WriteResult made = co_await shared.writer.write(std::move(write));
  while (taken < later.size()) {
    const std::size_t count = std::min(later.size() - taken, kEventsAtOnce);
    service::WriteRequest more;
    more.room = made.room;
    std::move(later.begin() + static_cast<std::ptrdiff_t>(taken),
              later.begin() + static_cast<std::ptrdiff_t>(taken + count), std::back_inserter(more.events));
    taken += count;
    co_await shared.writer.write(std::move(more));
  }
  NewEvent tombstone{
      .type = "m.room.tombstone",
      .state_key = "",
      .sender = creator,
      .content = json{{"body", "This room has been replaced"}, {"replacement_room", made.room.str()}}.dump(),
      .redacts = {},
      .origin_server_ts = 0};
  co_await write_one(shared, room, std::move(tombstone), std::nullopt);
  co_await follow_tombstone(shared, room);
  co_await move_aliases(shared, requester, room, view->room(), made.room, canonical);
  co_await quieten(shared, requester, room, levels);
  co_return Response::json({{"replacement_room", made.room.str()}});
}

}  // namespace

void add_upgrade(Shared& shared) {
  shared.server.router().add<Access::User>(Method::Post, http::client_paths("/rooms/{roomId}/upgrade"),
                                           {.name = "RoomUpgradeRestServlet",
                                            .spec = "Client-Server API, Room Upgrades",
                                            .rate_limit = "rc_room_creation",
                                            .shard = "roomId",
                                            .allow_suspended = false},
                                           [&shared](const Requester& requester, Request& request) {
                                             return post_upgrade(shared, requester, request);
                                           });
}

}  // namespace lares::rooms
