// SPDX-License-Identifier: Apache-2.0
#include <lares/async/runtime.hpp>
#include <lares/async/task_group.hpp>
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

#include "directory.hpp"
#include "endpoints.hpp"
#include "public_rooms.hpp"

namespace lares::directory {

namespace {

void declare_rules(Declarations& declarations, const std::string& path, const char* meaning) {
  declarations.config({.path = path,
                       .type = ConfigType::List,
                       .default_value = "null",
                       .meaning = meaning,
                       .reload = Reload::Live});
  for (const auto& [key, about] :
       std::initializer_list<std::pair<const char*, const char*>>{{"user_id", "Pattern of users."},
                                                                  {"alias", "Pattern of the room's aliases."},
                                                                  {"room_id", "Pattern of the room's id."}}) {
    declarations.config(
        {.path = path + "[]." + key, .type = ConfigType::String, .default_value = "null", .meaning = about});
  }
  declarations.config({.path = path + "[].action",
                       .type = ConfigType::String,
                       .default_value = "allow",
                       .meaning = "What the rule decides where it fits.",
                       .allowed = {"allow", "deny"}});
}

void declare(Declarations& declarations) {
  declarations.schema(directory_schema());
  declarations.config({.path = "allow_public_rooms_without_auth",
                       .type = ConfigType::Bool,
                       .default_value = "false",
                       .meaning = "Whether the list of public rooms is shown without an access token."});
  declarations.config({.path = "enable_room_list_search",
                       .type = ConfigType::Bool,
                       .default_value = "true",
                       .meaning = "Whether there is a list of public rooms; without, it is always empty.",
                       .reload = Reload::Live});
  declarations.config({.path = "require_membership_for_aliases",
                       .type = ConfigType::Bool,
                       .default_value = "true",
                       .meaning = "Whether only who is in a room can give it an alias.",
                       .reload = Reload::Live});
  declare_rules(declarations, "alias_creation_rules",
                "Who may make which alias: the first rule that fits decides. Without it everyone may.");
  declare_rules(declarations, "room_list_publication_rules",
                "Who may list which room: the first rule that fits decides. Without it everyone may who has "
                "the power in the room.");
}

class DirectoryPlugin final : public Plugin {
 public:
  explicit DirectoryPlugin(Server& server)
      : loads_(server.runtime(), "directory caches"),
        directory_(server, server.services().get<storage::Database>(),
                   server.services().get<storage::Interner>(), server.services().get<service::Rooms>()),
        public_rooms_(server.runtime(), loads_, directory_, server.services().get<storage::Interner>(),
                      server.services().get<service::Rooms>(), server.name()),
        shared_{.server = server,
                .directory = directory_,
                .public_rooms = public_rooms_,
                .rooms = server.services().get<service::Rooms>(),
                .writer = server.services().get<service::EventWriter>()} {
    server.services().provide<service::RoomDirectory>(directory_);
    add_aliases(shared_);
    add_list(shared_);
  }

  Task<void> stop() noexcept override { co_await loads_.stop(); }

 private:
  TaskGroup loads_;
  Directory directory_;
  PublicRooms public_rooms_;
  Shared shared_;
};

constexpr const char* kProvides[] = {"lares.room-directory/1", nullptr};
constexpr const char* kNeeds[] = {"lares.storage.database/1", "lares.storage.interner/1", "lares.rooms/1",
                                  "lares.event-writer/1",     "lares.authenticator/1",    nullptr};

}  // namespace

}  // namespace lares::directory

LARES_PLUGIN(
        .name = "directory", .version = LARES_VERSION, .provides = lares::directory::kProvides,
        .needs = lares::directory::kNeeds, .declare = &lares::directory::declare,
        .create = [](lares::Server& server) -> lares::Plugin* {
          return new lares::directory::DirectoryPlugin(server);
        },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
