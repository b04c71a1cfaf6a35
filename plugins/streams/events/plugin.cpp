// SPDX-License-Identifier: Apache-2.0
#include <lares/async/runtime.hpp>
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/cache_stream.hpp>
#include <lares/service/event_sink.hpp>
#include <lares/service/server_keys.hpp>
#include <lares/service/sync.hpp>
#include <lares/stream/topology.hpp>

#include <memory>
#include <vector>

#include "event_metrics.hpp"
#include "event_reader.hpp"
#include "event_stream.hpp"
#include "extremity_census.hpp"
#include "forget.hpp"
#include "housekeeping.hpp"
#include "partial_state.hpp"
#include "prejoin_state.hpp"
#include "relations_service.hpp"
#include "remote_writer.hpp"
#include "room_caches.hpp"
#include "room_writer.hpp"
#include "rooms_service.hpp"
#include "schema.hpp"
#include "sync_section.hpp"

namespace lares::events {

namespace {

void declare(Declarations& declarations) {
  declarations.schema(events_schema());
  declare_forget(declarations);
  declare_housekeeping(declarations);
  declare_sync(declarations);
}

// Hands a write to the process that has the room: this one, or another. It is provided before it can be made:
// sinks join while plugins are constructed, after this one.
class ShardedWriter final : public service::EventWriter {
 public:
  explicit ShardedWriter(Server& server) : shards_(*server.config(), "events", server.instance()) {}

  Task<service::WriteResult> write(service::WriteRequest request) override {
    // A room that is being created gets an id that falls to whoever creates it.
    const std::string_view key = request.room ? request.room->view() : request.events.front().sender.view();
    if (shards_.mine(key)) {
      return local->write(std::move(request));
    }
    return remote->write(shards_.writer_of(key), std::move(request));
  }

  [[nodiscard]] const stream::ShardMap& shards() const noexcept { return shards_; }

  service::EventWriter* local = nullptr;
  RemoteWriter* remote = nullptr;

 private:
  stream::ShardMap shards_;
};

class EventsPlugin final : public Plugin {
 public:
  explicit EventsPlugin(Server& server)
      : server_(server),
        loads_(server.runtime(), "event caches"),
        database_(server.services().get<storage::Database>()),
        interner_(server.services().get<storage::Interner>()),
        hub_(server.services().get<stream::Hub>()),
        caches_(loads_, database_, interner_, reader_, server.name(),
                server.config()->boolean("forget_rooms_on_leave")),
        stream_(database_, interner_, hub_, server.services().get<stream::Notifier>(), caches_, reader_),
        partial_(loads_, server.name(), database_, interner_, server.services().get<service::CacheStream>(),
                 caches_),
        rooms_(server, database_, interner_, hub_, caches_, partial_, reader_),
        relations_(database_, hub_, caches_),
        sync_(server, database_, interner_, hub_, caches_, reader_),
        writer_(server),
        remote_(server, hub_, server.services().get<stream::Peers>()),
        housekeeping_(server, database_, interner_, hub_, reader_, writer_.shards()),
        metrics_(server.metrics(), server.name()),
        extremities_(server, database_) {
    server.services().provide<service::EventWriter>(writer_);
    server.services().provide<service::Rooms>(rooms_);
    server.services().provide<service::Relations>(relations_);
    add_forget(server, database_, interner_, caches_);
    server.services().join<stream::Stream>(stream_);
    server.services().join<service::SyncContributor>(sync_, 0);
    if (stream::writes_stream(*server.config(), "events", server.instance())) {
      add_write_route(server, writer_);
    }
  }

  Task<void> start() override {
    // What every room is asked for has a number from the start, so that rooms without it are not looked up in
    // vain.
    std::vector<storage::InternView> asked;
    for (const char* type :
         {"m.room.create", "m.room.power_levels", "m.room.join_rules", "m.room.history_visibility",
          "m.room.guest_access", "m.room.name", "m.room.topic", "m.room.avatar", "m.room.canonical_alias",
          "m.room.encryption", "m.room.server_acl", "m.room.tombstone"}) {
      asked.push_back({type, ""});
    }
    co_await interner_.intern(storage::InternKind::StateKey, std::move(asked));
    writer_.remote = &remote_;
    extremities_.start();
    housekeeping_.start();
    if (!stream::writes_stream(*server_.config(), "events", server_.instance())) {
      co_return;
    }
    local_ = std::make_unique<RoomWriter>(
        server_.runtime(), database_, interner_, hub_, server_.services().get<service::ServerKeys>(), reader_,
        server_.services().all<service::EventSink>(),
        [this](std::span<const std::shared_ptr<service::StoredEvent>> events,
               std::span<const PreparedWritePtr> writes) { committed(events, writes); },
        [this](std::string_view room) { return writer_.shards().mine(room); },
        WriterLimits{.forget_on_leave = server_.config()->boolean("forget_rooms_on_leave")});
    writer_.local = local_.get();
  }

  Task<void> drain() override {
    co_await housekeeping_.stop();
    if (local_) {
      co_await local_->stop();
    }
  }

  Task<void> stop() noexcept override {
    co_await extremities_.stop();
    co_await loads_.stop();
  }

 private:
  void committed(std::span<const std::shared_ptr<service::StoredEvent>> events,
                 std::span<const PreparedWritePtr> writes) {
    std::vector<AppliedEvent> applied;
    applied.reserve(events.size());
    for (const PreparedWritePtr& write : writes) {
      for (const PreparedEvent& event : write->events) {
        applied.push_back(
            {.stored = event.stored,
             .member = event.member,
             .redacts = event.redacts,
             .target = event.relation ? event.relation->target : 0,
             .joined = event.member != 0 && event.stored->event->content()["membership"].equals("join")});
      }
      metrics_.left_extremities(count_extremities(write->head.extremities));
    }
    stream_.committed(applied);
    metrics_.committed(applied);
  }

  Server& server_;
  TaskGroup loads_;
  storage::Database& database_;
  storage::Interner& interner_;
  stream::Hub& hub_;
  EventReader reader_;
  RoomCaches caches_;
  EventStream stream_;
  PartialState partial_;
  RoomsService rooms_;
  RelationsService relations_;
  SyncSection sync_;
  ShardedWriter writer_;
  RemoteWriter remote_;
  Housekeeping housekeeping_;
  EventMetrics metrics_;
  ExtremityCensus extremities_;
  std::unique_ptr<RoomWriter> local_;
};

constexpr const char* kProvides[] = {"lares.event-writer/1", "lares.rooms/1", "lares.relations/1", nullptr};
constexpr const char* kNeeds[] = {"lares.storage.database/1",
                                  "lares.storage.interner/1",
                                  "lares.hub/1",
                                  "lares.notifier/1",
                                  "lares.peers/1",
                                  "lares.cache-stream/1",
                                  nullptr};

}  // namespace

}  // namespace lares::events

LARES_PLUGIN(
        .name = "events", .version = LARES_VERSION, .provides = lares::events::kProvides,
        .needs = lares::events::kNeeds, .declare = &lares::events::declare,
        .create = [](lares::Server& server) -> lares::Plugin* {
          return new lares::events::EventsPlugin(server);
        },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
