// SPDX-License-Identifier: Apache-2.0
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/rooms.hpp>
#include <lares/stream/feed_board.hpp>
#include <lares/stream/topology.hpp>

#include "http_peers.hpp"
#include "hub_impl.hpp"
#include "hub_metrics.hpp"

namespace lares::hub {

namespace {

void declare(Declarations& declarations) {
  declarations.schema(hub_schema());
}

class HubPlugin final : public Plugin {
 public:
  explicit HubPlugin(Server& server)
      : peers_(server),
        hub_(server, server.services().get<storage::Database>()),
        notifier_(
            server.runtime(), [this] { return hub_.now(); },
            [&services = server.services()](std::int64_t user) {
              return services.get<service::Rooms>().joined_rooms(user);
            }),
        notifier_metrics_(server, notifier_) {
    server.services().provide<stream::Peers>(peers_);
    server.services().provide<stream::Hub>(hub_);
    server.services().provide<stream::Notifier>(notifier_);
    server.services().join<service::StartCheck>(hub_.start_check());
    if (stream::has_other_processes(*server.config())) {
      server.services().provide<service::CatchUp>(hub_);
    }
  }

  Task<void> start() override { return hub_.start(); }
  void begin_drain() noexcept override { notifier_.end(); }
  Task<void> stop() noexcept override {
    co_await hub_.stop();
    co_await peers_.stop();
  }

 private:
  HttpPeers peers_;
  HubImpl hub_;
  stream::FeedBoard notifier_;
  NotifierMetrics notifier_metrics_;
};

constexpr const char* kProvides[] = {"lares.hub/1", "lares.notifier/1", "lares.peers/1", "lares.catch-up/1",
                                     nullptr};
constexpr const char* kNeeds[] = {"lares.storage.database/1", nullptr};
constexpr const char* kUses[] = {"lares.rooms/1", nullptr};

}  // namespace

}  // namespace lares::hub

LARES_PLUGIN(
        .name = "hub", .version = LARES_VERSION, .provides = lares::hub::kProvides,
        .needs = lares::hub::kNeeds, .uses = lares::hub::kUses, .declare = &lares::hub::declare,
        .create = [](lares::Server& server) -> lares::Plugin* { return new lares::hub::HubPlugin(server); },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
