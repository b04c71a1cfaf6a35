// SPDX-License-Identifier: Apache-2.0
#include <lares/matrix/room_version.hpp>
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

#include <memory>
#include <string>
#include <vector>

#include "endpoints.hpp"
#include "room_capabilities.hpp"

namespace lares::rooms {

namespace {

std::vector<std::string> version_ids() {
  std::vector<std::string> ids;
  for (const matrix::RoomVersion& version : matrix::room_versions()) {
    ids.emplace_back(version.id);
  }
  return ids;
}

void declare(Declarations& declarations) {
  declarations.config({.path = "default_room_version",
                       .type = ConfigType::String,
                       .default_value = "\"" + std::string{matrix::default_room_version().id} + "\"",
                       .meaning = "The version of new rooms where the client names none.",
                       .reload = Reload::Live,
                       .allowed = version_ids()});
  declare_creation(declarations);
  declare_membership(declarations);
  declare_auto_join(declarations);
}

metrics::Family<metrics::Histogram> page_times(Server& server) {
  return server.metrics().histograms(
      {.name = "synapse_room_message_list_rest_servlet_response_time_seconds",
       .help = "How long pages of history took, by the size of their room.",
       .labels = {metrics::Label::server_name(),
                  metrics::Label::closed("room_size",
                                         {"direct_message_size", "small", "substantial", "large"})},
       .buckets = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 80.0,
                   100.0, 120.0, 150.0, 180.0}});
}

class RoomsApiPlugin final : public Plugin {
 public:
  explicit RoomsApiPlugin(Server& server)
      : shared_{.server = server,
                .writer = server.services().get<service::EventWriter>(),
                .rooms = server.services().get<service::Rooms>(),
                .profiles = server.services().get<service::Profiles>(),
                .keys = server.services().get<service::ServerKeys>(),
                .spam = server.services().get<service::SpamChecker>(),
                .interner = server.services().get<storage::Interner>(),
                .page_times = page_times(server)},
        capabilities_(server) {
    check_auto_join(*server.config());
    server.services().provide<service::Newcomers>(*newcomers_);
    server.services().join<service::Capabilities>(capabilities_);
    add_create_room(shared_);
    add_membership(shared_);
    add_send(shared_);
    add_read(shared_);
    add_history(shared_);
    add_upgrade(shared_);
    add_summary(shared_);
  }

 private:
  Shared shared_;
  std::unique_ptr<service::Newcomers> newcomers_ = make_auto_join(shared_);
  RoomCapabilities capabilities_;
};

constexpr const char* kProvides[] = {"lares.newcomers/1", nullptr};
constexpr const char* kNeeds[] = {"lares.event-writer/1", "lares.rooms/1", "lares.profiles/1",
                                  "lares.authenticator/1", nullptr};
constexpr const char* kUses[] = {"lares.catch-up/1", nullptr};

}  // namespace

}  // namespace lares::rooms

LARES_PLUGIN(
        .name = "rooms", .version = LARES_VERSION, .provides = lares::rooms::kProvides,
        .needs = lares::rooms::kNeeds, .uses = lares::rooms::kUses, .declare = &lares::rooms::declare,
        .create = [](lares::Server& server) -> lares::Plugin* {
          return new lares::rooms::RoomsApiPlugin(server);
        },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
