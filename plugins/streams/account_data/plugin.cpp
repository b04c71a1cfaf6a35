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

#include "account_data_service.hpp"
#include "account_data_stream.hpp"
#include "endpoints.hpp"
#include "room_settings.hpp"
#include "schema.hpp"
#include "sync_section.hpp"

namespace lares::account_data {

namespace {

void declare(Declarations& declarations) {
  declarations.schema(account_data_schema());
}

Writer::Parts parts(stream::Hub& hub, storage::Interner& interner) {
  return {.store = [&hub](storage::WriteTransaction& tx, const Change& change,
                          std::int64_t position) { store(tx, change, hub.self(), position); },
          .rows =
              [](const Change& change) {
                return std::vector<std::string>{row_of(change.user_id, change.room_id, change.type)};
              },
          .encode = &encode,
          .decode = &decode,
          .number = [&interner](Change& change) { return number(interner, change); }};
}

class AccountDataPlugin final : public Plugin {
 public:
  explicit AccountDataPlugin(Server& server)
      : loads_(server.runtime(), "account data caches"),
        database_(server.services().get<storage::Database>()),
        service_(loads_, server, database_, server.services().get<service::Rooms>()),
        stream_(database_, server.services().get<storage::Interner>(),
                server.services().get<stream::Notifier>(), service_),
        sync_(database_, server.services().get<storage::Interner>()),
        writer_(server, stream_, stream::StreamNumber::kAccountData,
                parts(server.services().get<stream::Hub>(), server.services().get<storage::Interner>())),
        shared_{.server = server,
                .database = database_,
                .rooms = server.services().get<service::Rooms>(),
                .writer = writer_},
        settings_(shared_) {
    service_.writes_with(writer_);
    server.services().provide<service::AccountData>(service_);
    server.services().provide<service::ReadMarker>(service_);
    server.services().join<stream::Stream>(stream_);
    server.services().join<service::SyncContributor>(sync_, 10);
    server.services().join<service::RoomSettings>(settings_);
    add_data(shared_);
    add_tags(shared_);
  }

  Task<void> drain() override { co_await writer_.drain(); }
  Task<void> stop() noexcept override { co_await loads_.stop(); }

 private:
  TaskGroup loads_;
  storage::Database& database_;
  AccountDataService service_;
  AccountDataStream stream_;
  SyncSection sync_;
  Writer writer_;
  Shared shared_;
  RoomSettings settings_;
};

constexpr const char* kProvides[] = {"lares.account-data/1", "lares.read-marker/1", nullptr};
constexpr const char* kNeeds[] = {"lares.storage.database/1",
                                  "lares.storage.interner/1",
                                  "lares.hub/1",
                                  "lares.notifier/1",
                                  "lares.rooms/1",
                                  nullptr};
constexpr const char* kUses[] = {"lares.peers/1", "lares.push-rules/1", nullptr};

}  // namespace

}  // namespace lares::account_data

LARES_PLUGIN(
        .name = "account_data", .version = LARES_VERSION, .provides = lares::account_data::kProvides,
        .needs = lares::account_data::kNeeds, .uses = lares::account_data::kUses,
        .declare = &lares::account_data::declare,
        .create = [](lares::Server& server) -> lares::Plugin* {
          return new lares::account_data::AccountDataPlugin(server);
        },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
