// SPDX-License-Identifier: Apache-2.0
#include <lares/base/error.hpp>
#include <lares/base/log.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/matrix/room_version.hpp>
#include <lares/service/newcomers.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <exception>

#include "endpoints.hpp"

namespace lares::rooms {

namespace {

class AutoJoin final : public service::Newcomers {
 public:
  explicit AutoJoin(Shared& shared) : shared_(shared) {}

  Task<void> welcome(matrix::UserId user, bool guest) override {
    const ConfigPtr config = shared_.server.config();
    if (guest && !config->boolean("auto_join_rooms_for_guests")) {
      co_return;
    }
    for (const std::string& name : config->strings("auto_join_rooms")) {
      try {
        co_await bring_into(*config, name, user, guest);
      } catch (const std::exception& error) {
        log_.warning("{} was not brought into {}: {}", user.view(), name, error.what());
      }
    }
  }

 private:
  Task<void> bring_into(const Config& config, std::string name, matrix::UserId user, bool guest) {
    std::optional<matrix::UserId> host;
    if (const std::string localpart = config.string("auto_join_mxid_localpart"); !localpart.empty()) {
      host = parse_user("@" + localpart + ":" + shared_.server.name());
    }
    auto alias = matrix::RoomAlias::parse(name);
    if (!alias) {
      throw http::invalid_param("This is no room alias.");
    }
    std::optional<matrix::RoomId> room = co_await directory(shared_).resolve(*alias);
    if (!room && !config.boolean("autocreate_auto_join_rooms")) {
      throw http::not_found("This room alias is not known here.");
    }
    if (!room && guest && !host) {
      throw http::forbidden("A guest does not make this room.");
    }
    // Else whoever registers under this name later would find the room theirs.
    if (!room && host && !co_await shared_.profiles.profile(*host)) {
      throw http::not_found("auto_join_mxid_localpart names nobody who has an account.");
    }
    if (!room) {
      std::exception_ptr failed;
      try {
        room = co_await make(config, *alias, host.value_or(user));
      } catch (const http::MatrixError&) {
        failed = std::current_exception();
      }
      // Who registers at the same moment may have made it meanwhile.
      if (failed && !(room = co_await directory(shared_).resolve(*alias))) {
        std::rethrow_exception(failed);
      }
    }
    if (co_await membership_of(*room, user) == "join") {
      co_return;
    }
    if (guest && co_await setting(*room, "m.room.guest_access", "guest_access") != "can_join") {
      throw http::forbidden("Guests are not admitted to this room.");
    }
    if (host && co_await setting(*room, "m.room.join_rules", "join_rule") == "invite") {
      service::NewEvent invite = co_await member_event(shared_, *host, user, "invite", std::nullopt);
      co_await write_one(shared_, *room, std::move(invite), std::nullopt);
    }
    service::NewEvent join = co_await member_event(shared_, user, user, "join", std::nullopt);
    co_await write_one(shared_, *room, std::move(join), std::nullopt);
  }

  Task<matrix::RoomId> make(const Config& config, matrix::RoomAlias alias, matrix::UserId founder) {
    co_await directory(shared_).check(founder, alias, std::nullopt);
    service::WriteRequest write;
    const std::string version = config.string("default_room_version");
    Plan plan = co_await usual_room(shared_, *matrix::find_room_version(version), founder,
                                    config.string("autocreate_auto_join_room_preset"), alias,
                                    config.boolean("autocreate_auto_join_rooms_federated"));
    write.room_version = version;
    write.events = plan.take();
    const service::WriteResult written = co_await shared_.writer.write(std::move(write));
    std::exception_ptr failed;
    try {
      co_await directory(shared_).add(founder, std::move(alias), written.room);
    } catch (const http::MatrixError&) {
      failed = std::current_exception();
    }
    if (failed) {
      // Nobody else finds this room.
      service::NewEvent leave = co_await member_event(shared_, founder, founder, "leave", std::nullopt);
      co_await write_one(shared_, written.room, std::move(leave), std::nullopt);
      std::rethrow_exception(failed);
    }
    co_return written.room;
  }

  Task<std::string> setting(matrix::RoomId room, std::string type, std::string_view key) {
    const matrix::EventPtr event = co_await shared_.rooms.current_state(room, std::move(type), "");
    co_return event ? event->content()[key].to_string().value_or("") : std::string{};
  }
  Task<std::string> membership_of(matrix::RoomId room, matrix::UserId user) {
    const matrix::EventPtr event = co_await shared_.rooms.current_state(room, "m.room.member", user.str());
    co_return event ? event->content()["membership"].to_string().value_or("") : std::string{};
  }

  Shared& shared_;
  log::Logger log_{"lares.rooms"};
};

bool is_alias(const nlohmann::json& name) {
  return matrix::RoomAlias::parse(name.get<std::string>()).has_value();
}

}  // namespace

void declare_auto_join(Declarations& declarations) {
  declarations.config({.path = "auto_join_rooms",
                       .type = ConfigType::Strings,
                       .default_value = "[]",
                       .meaning = "Aliases of rooms that whoever registers is brought into.",
                       .reload = Reload::Live,
                       .check = [](const nlohmann::json& names) -> std::string {
                         return std::ranges::all_of(names, is_alias)
                                    ? ""
                                    : "room aliases, such as #welcome:example.org";
                       }});
  declarations.config({.path = "autocreate_auto_join_rooms",
                       .type = ConfigType::Bool,
                       .default_value = "true",
                       .meaning = "Whether those of them that are not there are made.",
                       .reload = Reload::Live});
  declarations.config({.path = "autocreate_auto_join_rooms_federated",
                       .type = ConfigType::Bool,
                       .default_value = "true",
                       .meaning = "Whether users of other servers may come into rooms that were made so.",
                       .reload = Reload::Live});
  declarations.config({.path = "autocreate_auto_join_room_preset",
                       .type = ConfigType::String,
                       .default_value = "\"public_chat\"",
                       .meaning = "The preset of rooms that are made so.",
                       .allowed = {"public_chat", "private_chat", "trusted_private_chat"}});
  declarations.config({.path = "auto_join_mxid_localpart",
                       .type = ConfigType::String,
                       .default_value = "null",
                       .meaning = "The name of the user who makes these rooms and invites where it takes an "
                                  "invitation; without one, who registers first makes them."});
  declarations.config({.path = "auto_join_rooms_for_guests",
                       .type = ConfigType::Bool,
                       .default_value = "true",
                       .meaning = "Whether guests are brought in, too, where guests are admitted.",
                       .reload = Reload::Live});
}

void check_auto_join(const Config& config) {
  if (config.string("autocreate_auto_join_room_preset") != "public_chat" &&
      config.string("auto_join_mxid_localpart").empty()) {
    throw StartError(
        config.origin("autocreate_auto_join_room_preset") +
        ": autocreate_auto_join_room_preset is a private one, so auto_join_mxid_localpart has to "
        "name who invites.");
  }
}

std::unique_ptr<service::Newcomers> make_auto_join(Shared& shared) {
  return std::make_unique<AutoJoin>(shared);
}

}  // namespace lares::rooms
