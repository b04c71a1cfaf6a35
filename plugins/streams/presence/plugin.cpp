// SPDX-License-Identifier: Apache-2.0
#include <lares/async/runtime.hpp>
#include <lares/base/metrics.hpp>
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/sync.hpp>

#include "endpoints.hpp"
#include "presence_board.hpp"
#include "presence_stream.hpp"
#include "presence_writer.hpp"
#include "settings.hpp"
#include "status_store.hpp"
#include "sync_section.hpp"
#include "sync_tracker.hpp"

namespace lares::presence {

namespace {

void declare(Declarations& declarations) {
  declarations.schema(presence_schema());
  declare_settings(declarations);
}

class PresencePlugin final : public Plugin {
 public:
  explicit PresencePlugin(Server& server)
      : settings_(read_settings(*server.config())),
        database_(server.services().get<storage::Database>()),
        hub_(server.services().get<stream::Hub>()),
        peers_(server.services().get<stream::Peers>()),
        rooms_(server.services().get<service::Rooms>()),
        interner_(server.services().get<storage::Interner>()),
        board_(server.runtime()),
        statuses_(database_),
        stream_(server, interner_, hub_, server.services().get<stream::Notifier>(), peers_, rooms_, board_,
                settings_),
        writer_(server, settings_, database_, hub_, peers_, rooms_, board_, stream_),
        tracker_(server, settings_, writer_),
        sync_(server, settings_, interner_, rooms_, board_, stream_),
        people_metric_(server.metrics().on_scrape(
            {.name = "synapse_handlers_presence_user_to_current_state_size",
             .help = "Users whose presence is known in this process.",
             .labels = {metrics::Label::server_name()}},
            metrics::Kind::kGauge,
            [this, &server] {
              return std::vector<metrics::Sample>{
                  {.label_values = {server.name()}, .value = static_cast<double>(board_.size())}};
            })),
        shared_{.server = server,
                .settings = settings_,
                .interner = interner_,
                .rooms = rooms_,
                .board = board_,
                .writer = writer_,
                .statuses = statuses_} {
    server.services().provide<service::Presence>(tracker_);
    server.services().join<stream::Stream>(stream_);
    server.services().join<service::EventSink>(tracker_, 90);
    server.services().join<service::SyncContributor>(sync_, 40);
    add_endpoints(shared_);
  }

  Task<void> start() override {
    writer_.start();
    tracker_.start();
    co_return;
  }
  Task<void> stop() noexcept override {
    co_await tracker_.stop();
    co_await writer_.stop();
  }

 private:
  Settings settings_;
  storage::Database& database_;
  stream::Hub& hub_;
  stream::Peers& peers_;
  service::Rooms& rooms_;
  storage::Interner& interner_;
  PresenceBoard board_;
  StatusStore statuses_;
  PresenceStream stream_;
  PresenceWriter writer_;
  SyncTracker tracker_;
  SyncSection sync_;
  metrics::CallbackHandle people_metric_;
  Shared shared_;
};

constexpr const char* kProvides[] = {"lares.presence/1", nullptr};
constexpr const char* kNeeds[] = {"lares.storage.database/1",
                                  "lares.storage.interner/1",
                                  "lares.hub/1",
                                  "lares.notifier/1",
                                  "lares.peers/1",
                                  "lares.rooms/1",
                                  nullptr};

}  // namespace

}  // namespace lares::presence

LARES_PLUGIN(
        .name = "presence", .version = LARES_VERSION, .provides = lares::presence::kProvides,
        .needs = lares::presence::kNeeds, .declare = &lares::presence::declare,
        .create = [](lares::Server& server) -> lares::Plugin* {
          return new lares::presence::PresencePlugin(server);
        },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
