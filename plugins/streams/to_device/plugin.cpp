// SPDX-License-Identifier: Apache-2.0
#include <lares/async/task_group.hpp>
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

#include "change.hpp"
#include "inbox.hpp"
#include "orphans.hpp"
#include "schema.hpp"
#include "send.hpp"

namespace lares::to_device {

namespace {

// After the events, which settle the sync's end.
constexpr int kOrder = 40;

void declare(Declarations& declarations) {
  declarations.schema(to_device_schema());
}

class ToDevicePlugin final : public Plugin {
 public:
  explicit ToDevicePlugin(Server& server)
      : loads_(server.runtime(), "to-device caches"),
        inbox_(server, loads_),
        writer_(server, inbox_, stream::StreamNumber::kToDevice,
                {.store = &store,
                 .rows = &rows,
                 .encode = &encode,
                 .decode = &decode,
                 .number =
                     [&server](Change& change) {
                       return number(server.services().get<storage::Interner>(), change);
                     }}),
        send_(server, writer_),
        orphans_(server) {
    server.services().join<stream::Stream>(inbox_);
    server.services().join<service::SyncContributor>(inbox_, kOrder);
    server.services().join<service::DeviceObserver>(inbox_);
  }

  Task<void> start() override {
    orphans_.start();
    co_return;
  }
  Task<void> drain() override { co_await writer_.drain(); }
  Task<void> stop() noexcept override {
    co_await orphans_.stop();
    co_await loads_.stop();
  }

 private:
  TaskGroup loads_;
  Inbox inbox_;
  stream::StreamWriter<Change> writer_;
  Send send_;
  Orphans orphans_;
};

constexpr const char* kProvides[] = {nullptr};
constexpr const char* kNeeds[] = {"lares.storage.database/1",
                                  "lares.storage.interner/1",
                                  "lares.hub/1",
                                  "lares.notifier/1",
                                  "lares.peers/1",
                                  "lares.devices/1",
                                  nullptr};

}  // namespace

}  // namespace lares::to_device

LARES_PLUGIN(
        .name = "to_device", .version = LARES_VERSION, .provides = lares::to_device::kProvides,
        .needs = lares::to_device::kNeeds, .declare = &lares::to_device::declare,
        .create = [](lares::Server& server) -> lares::Plugin* {
          return new lares::to_device::ToDevicePlugin(server);
        },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
