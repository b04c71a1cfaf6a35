// SPDX-License-Identifier: Apache-2.0
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>

#include "cache_stream.hpp"

namespace lares::caches {

namespace {

void declare(Declarations& declarations) {
  declarations.schema(caches_schema());
}

class CachesPlugin final : public Plugin {
 public:
  explicit CachesPlugin(Server& server)
      : stream_(server, server.services().get<storage::Database>(), server.services().get<stream::Hub>()) {
    server.services().provide<service::CacheStream>(stream_);
    server.services().join<stream::Stream>(stream_);
  }

 private:
  CacheStreamImpl stream_;
};

constexpr const char* kProvides[] = {"lares.cache-stream/1", nullptr};
constexpr const char* kNeeds[] = {"lares.storage.database/1", "lares.hub/1", nullptr};

}  // namespace

}  // namespace lares::caches

LARES_PLUGIN(
        .name = "caches", .version = LARES_VERSION, .provides = lares::caches::kProvides,
        .needs = lares::caches::kNeeds, .declare = &lares::caches::declare,
        .create = [](lares::Server& server) -> lares::Plugin* {
          return new lares::caches::CachesPlugin(server);
        },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
