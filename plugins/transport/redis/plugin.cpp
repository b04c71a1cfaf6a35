// SPDX-License-Identifier: Apache-2.0
#include <lares/base/error.hpp>
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/app.hpp>

#include <algorithm>
#include <vector>

#include "redis_transport.hpp"

namespace lares::redis {

namespace {

class RedisPlugin final : public Plugin {
 public:
  explicit RedisPlugin(Server& server) : server_(server), transport_(server) {
    server.services().join<stream::Transport>(transport_);
    if (transport_.active()) {
      queued_metric_ = server.metrics().on_scrape(
          {.name = "synapse_replication_tcp_protocol_transport_send_buffer",
           .help = "Bytes of replication commands that wait to be sent.",
           .labels = {metrics::Label::server_name(),
                      metrics::Label::closed("name", {"local", "redis", "tcp"})}},
          metrics::Kind::kGauge, [this] {
            return std::vector<metrics::Sample>{{.label_values = {server_.name(), "redis"},
                                                 .value = static_cast<double>(transport_.queued())}};
          });
      connected_metric_ = server.metrics().on_scrape(
          {.name = "lares_replication_redis_connected",
           .help = "Whether there is a connection to Redis.",
           .labels = {metrics::Label::server_name()}},
          metrics::Kind::kGauge, [this, name = server.name()] {
            return std::vector<metrics::Sample>{
                {.label_values = {name}, .value = transport_.connected() ? 1.0 : 0.0}};
          });
    }
  }

  Task<void> start() override {
    const std::vector<stream::Transport*> transports = server_.services().all<stream::Transport>();
    const bool main = server_.services().get<service::App>().is_main();
    if (!main && std::ranges::none_of(transports, &stream::Transport::active)) {
      throw StartError(
          "redis.enabled is false, so this worker would never hear what the other processes write: write "
          "`redis: {enabled: true}` into the file that all of them read, or name the main process's listener "
          "of "
          "the type replication in worker_replication_host and worker_replication_port.");
    }
    co_return;
  }

 private:
  Server& server_;
  RedisTransport transport_;
  metrics::CallbackHandle queued_metric_;
  metrics::CallbackHandle connected_metric_;
};

constexpr const char* kNeeds[] = {"lares.app/1", nullptr};

}  // namespace

}  // namespace lares::redis

LARES_PLUGIN(
        .name = "redis", .version = LARES_VERSION, .needs = lares::redis::kNeeds,
        .create = [](lares::Server& server) -> lares::Plugin* {
          return new lares::redis::RedisPlugin(server);
        },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
