// SPDX-License-Identifier: Apache-2.0
#include <lares/async/runtime.hpp>
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/sync.hpp>
#include <lares/stream/hub.hpp>

#include <string>
#include <vector>

#include "endpoints.hpp"
#include "read_mark_cache.hpp"
#include "receipt_stream.hpp"
#include "recent_rooms.hpp"
#include "schema.hpp"
#include "sync_section.hpp"

namespace lares::receipts {

namespace {

void declare(Declarations& declarations) {
  declarations.schema(receipts_schema());
}

Writer::Parts parts(stream::Hub& hub, storage::Interner& interner, service::Rooms& rooms) {
  return {.store = [&hub](storage::WriteTransaction& tx, const Receipt& receipt,
                          std::int64_t position) { store(tx, receipt, hub.self(), position); },
          .rows = [](const Receipt& receipt) { return std::vector<std::string>{row_of(receipt)}; },
          .encode = &encode,
          .decode = &decode,
          .number = [&interner, &rooms](Receipt& receipt) { return number(interner, rooms, receipt); }};
}

class ReceiptsPlugin final : public Plugin {
 public:
  explicit ReceiptsPlugin(Server& server)
      : loads_(server.runtime(), "receipt caches"),
        database_(server.services().get<storage::Database>()),
        hub_(server.services().get<stream::Hub>()),
        marks_(loads_, server, database_),
        recent_(loads_, server),
        stream_(database_, server.services().get<storage::Interner>(),
                server.services().get<stream::Notifier>(), marks_, recent_),
        sync_(server, database_, server.services().get<storage::Interner>(), recent_),
        writer_(
            server, stream_, stream::StreamNumber::kReceipts,
            parts(hub_, server.services().get<storage::Interner>(), server.services().get<service::Rooms>())),
        shared_{.server = server,
                .database = database_,
                .rooms = server.services().get<service::Rooms>(),
                .writer = writer_} {
    server.services().provide<service::Receipts>(marks_);
    server.services().join<stream::Stream>(stream_);
    server.services().join<service::SyncContributor>(sync_, 20);
    add_endpoints(shared_);
  }

  Task<void> start() override {
    recent_.knows_from(hub_.position(stream::StreamNumber::kReceipts).maximum());
    co_return;
  }
  Task<void> drain() override { co_await writer_.drain(); }
  Task<void> stop() noexcept override { co_await loads_.stop(); }

 private:
  TaskGroup loads_;
  storage::Database& database_;
  stream::Hub& hub_;
  ReadMarkCache marks_;
  RecentRooms recent_;
  ReceiptStream stream_;
  SyncSection sync_;
  Writer writer_;
  Shared shared_;
};

constexpr const char* kProvides[] = {"lares.receipts/1", nullptr};
constexpr const char* kNeeds[] = {"lares.storage.database/1",
                                  "lares.storage.interner/1",
                                  "lares.hub/1",
                                  "lares.notifier/1",
                                  "lares.rooms/1",
                                  nullptr};
constexpr const char* kUses[] = {"lares.peers/1", "lares.read-marker/1", "lares.account-data/1", nullptr};

}  // namespace

}  // namespace lares::receipts

LARES_PLUGIN(
        .name = "receipts", .version = LARES_VERSION, .provides = lares::receipts::kProvides,
        .needs = lares::receipts::kNeeds, .uses = lares::receipts::kUses,
        .declare = &lares::receipts::declare,
        .create = [](lares::Server& server) -> lares::Plugin* {
          return new lares::receipts::ReceiptsPlugin(server);
        },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
