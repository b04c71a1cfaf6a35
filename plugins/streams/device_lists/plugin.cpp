// SPDX-License-Identifier: Apache-2.0
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/event_sink.hpp>

#include "announcer.hpp"
#include "change.hpp"
#include "reader.hpp"
#include "schema.hpp"
#include "sharing_sink.hpp"
#include "sync_section.hpp"

namespace lares::device_lists {

namespace {

// After the events, which settle the sync's rooms.
constexpr int kOrder = 50;

void declare(Declarations& declarations) {
  declarations.schema(device_lists_schema());
}

class DeviceListsPlugin final : public Plugin {
 public:
  explicit DeviceListsPlugin(Server& server)
      : hub_(server.services().get<stream::Hub>()),
        reader_(server),
        writer_(server, reader_, stream::StreamNumber::kDeviceLists,
                {.store = [this](storage::WriteTransaction& tx, const Change& change,
                                 std::int64_t position) { store(tx, change, hub_.self(), position); },
                 .rows =
                     [](const Change& change) {
                       return std::vector<std::string>{row(change.user_id, !change.signed_users.empty())};
                     },
                 .encode = &encode,
                 .decode = &decode,
                 .number =
                     [&server](Change& change) {
                       return number(server.services().get<storage::Interner>(), change);
                     }}),
        announcer_(server, writer_),
        sink_(server.services().get<storage::Interner>()),
        section_(server) {
    server.services().provide<service::DeviceLists>(announcer_);
    server.services().join<service::DeviceObserver>(announcer_);
    server.services().join<stream::Stream>(reader_);
    server.services().join<service::SyncContributor>(section_, kOrder);
    server.services().join<service::EventSink>(sink_, kOrder);
  }

  Task<void> start() override {
    announcer_.start();
    co_return;
  }

  Task<void> drain() override {
    co_await announcer_.stop();
    co_await writer_.drain();
  }

 private:
  stream::Hub& hub_;
  Reader reader_;
  stream::StreamWriter<Change> writer_;
  Announcer announcer_;
  SharingSink sink_;
  SyncSection section_;
};

constexpr const char* kProvides[] = {"lares.device-lists/1", nullptr};
constexpr const char* kNeeds[] = {"lares.storage.database/1",
                                  "lares.storage.interner/1",
                                  "lares.hub/1",
                                  "lares.notifier/1",
                                  "lares.peers/1",
                                  "lares.rooms/1",
                                  nullptr};

}  // namespace

}  // namespace lares::device_lists

LARES_PLUGIN(
        .name = "device_lists", .version = LARES_VERSION, .provides = lares::device_lists::kProvides,
        .needs = lares::device_lists::kNeeds, .declare = &lares::device_lists::declare,
        .create = [](lares::Server& server) -> lares::Plugin* {
          return new lares::device_lists::DeviceListsPlugin(server);
        },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
