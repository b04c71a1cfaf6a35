// SPDX-License-Identifier: Apache-2.0
#include <lares/async/task_group.hpp>
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>

#include "common.hpp"
#include "counts.hpp"
#include "schema.hpp"

namespace lares::keys {

namespace {

constexpr int kOrder = 60;

void declare(Declarations& declarations) {
  declarations.schema(keys_schema());
}

class KeysPlugin final : public Plugin {
 public:
  explicit KeysPlugin(Server& server)
      : loads_(server.runtime(), "key caches"),
        counts_(server, loads_),
        shared_{.server = server,
                .database = server.services().get<storage::Database>(),
                .interner = server.services().get<storage::Interner>(),
                .devices = server.services().get<service::Devices>(),
                .lists = server.services().get<service::DeviceLists>(),
                .counts = counts_} {
    server.services().join<service::SyncContributor>(counts_, kOrder);
    server.services().join<service::DeviceObserver>(counts_);
    add_upload(shared_);
    add_query(shared_);
    add_claim(shared_);
    add_signing_upload(shared_);
    add_signatures(shared_);
    add_backup(shared_);
  }

  Task<void> stop() noexcept override { co_await loads_.stop(); }

 private:
  TaskGroup loads_;
  Counts counts_;
  Shared shared_;
};

constexpr const char* kProvides[] = {nullptr};
constexpr const char* kNeeds[] = {"lares.storage.database/1", "lares.storage.interner/1",
                                  "lares.cache-stream/1",     "lares.devices/1",
                                  "lares.device-lists/1",     nullptr};

}  // namespace

}  // namespace lares::keys

LARES_PLUGIN(
        .name = "keys", .version = LARES_VERSION, .provides = lares::keys::kProvides,
        .needs = lares::keys::kNeeds, .declare = &lares::keys::declare,
        .create = [](lares::Server& server) -> lares::Plugin* { return new lares::keys::KeysPlugin(server); },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
