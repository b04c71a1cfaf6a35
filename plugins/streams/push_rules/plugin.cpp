// SPDX-License-Identifier: Apache-2.0
#include <lares/async/runtime.hpp>
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/event_sink.hpp>
#include <lares/service/sync.hpp>
#include <lares/stream/hub.hpp>
#include <lares/stream/topology.hpp>

#include <string>
#include <vector>

#include "audience.hpp"
#include "change.hpp"
#include "counting_sink.hpp"
#include "endpoints.hpp"
#include "recent_notes.hpp"
#include "room_settings.hpp"
#include "rules_stream.hpp"
#include "schema.hpp"
#include "sync_section.hpp"
#include "unread_counts.hpp"
#include "user_rules.hpp"

namespace lares::push_rules {

namespace {

void declare(Declarations& declarations) {
  declarations.schema(push_rules_schema());
}

Writer::Parts parts(stream::Hub& hub, storage::Interner& interner) {
  return {.store = [&hub](storage::WriteTransaction& tx, const Change& change,
                          std::int64_t position) { store(tx, change, hub.self(), position); },
          .rows = [](const Change& change) { return std::vector<std::string>{row_of(change.user_id)}; },
          .encode = &encode,
          .decode = &decode,
          .number = [&interner](Change& change) { return number(interner, change); }};
}

class PushRulesPlugin final : public Plugin {
 public:
  explicit PushRulesPlugin(Server& server)
      : server_(server),
        loads_(server.runtime(), "push rule caches"),
        database_(server.services().get<storage::Database>()),
        interner_(server.services().get<storage::Interner>()),
        hub_(server.services().get<stream::Hub>()),
        rooms_(server.services().get<service::Rooms>()),
        rules_(loads_, database_, interner_, server.name()),
        audiences_(loads_, server, rules_, interner_, rooms_),
        notes_(loads_, server.name()),
        counts_(loads_, server, database_, rooms_, notes_),
        stream_(database_, interner_, server.services().get<stream::Notifier>(), rules_, audiences_),
        sink_(server.runtime(), server.name(), interner_, rooms_, rules_, audiences_, notes_),
        sync_(server, rules_, counts_),
        writer_(server, stream_, stream::StreamNumber::kPushRules, parts(hub_, interner_)),
        shared_{.server = server, .rules = rules_, .writer = writer_},
        settings_(shared_) {
    server.services().provide<service::PushRules>(settings_);
    server.services().join<service::RoomSettings>(settings_);
    server.services().join<stream::Stream>(stream_);
    server.services().join<service::EventSink>(sink_, 10);
    server.services().join<service::IgnoredListWatcher>(audiences_);
    // After receipts, which bring rooms whose counts they change.
    server.services().join<service::SyncContributor>(sync_, 60);
    add_endpoints(shared_);
  }

  Task<void> start() override {
    const std::vector<std::string> writers = stream::stream_writers(*server_.config(), "events");
    if (writers.size() == 1 && writers.front() == server_.instance()) {
      notes_.begins_at(hub_.position(stream::StreamNumber::kEvents).maximum());
    }
    co_return;
  }
  Task<void> drain() override { co_await writer_.drain(); }
  Task<void> stop() noexcept override { co_await loads_.stop(); }

 private:
  Server& server_;
  TaskGroup loads_;
  storage::Database& database_;
  storage::Interner& interner_;
  stream::Hub& hub_;
  service::Rooms& rooms_;
  UserRulesCache rules_;
  Audiences audiences_;
  RecentNotes notes_;
  UnreadCounts counts_;
  RulesStream stream_;
  CountingSink sink_;
  SyncSection sync_;
  Writer writer_;
  Shared shared_;
  RoomSettings settings_;
};

constexpr const char* kProvides[] = {"lares.push-rules/1", nullptr};
constexpr const char* kNeeds[] = {"lares.storage.database/1",
                                  "lares.storage.interner/1",
                                  "lares.hub/1",
                                  "lares.notifier/1",
                                  "lares.rooms/1",
                                  nullptr};
constexpr const char* kUses[] = {"lares.peers/1", "lares.receipts/1", "lares.account-data/1", nullptr};

}  // namespace

}  // namespace lares::push_rules

LARES_PLUGIN(
        .name = "push_rules", .version = LARES_VERSION, .provides = lares::push_rules::kProvides,
        .needs = lares::push_rules::kNeeds, .uses = lares::push_rules::kUses,
        .declare = &lares::push_rules::declare,
        .create = [](lares::Server& server) -> lares::Plugin* {
          return new lares::push_rules::PushRulesPlugin(server);
        },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
