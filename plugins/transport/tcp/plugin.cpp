// SPDX-License-Identifier: Apache-2.0
#include <lares/base/error.hpp>
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/descriptor.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/app.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <vector>

#include "replication_client.hpp"
#include "replication_server.hpp"

namespace lares::tcp {

namespace {

bool has_listener(const Config& config, std::string_view list) {
  return std::ranges::any_of(config.get(list), [](const nlohmann::json& listener) {
    return listener.value("type", nlohmann::json{}) == "replication";
  });
}

class TcpPlugin final : public Plugin {
 public:
  explicit TcpPlugin(Server& server) : server_(server) {
    if (server.services().get<service::App>().is_main()) {
      main_.emplace(server);
      server.services().join<stream::Transport>(*main_);
      if (main_->active()) {
        gauge("synapse_replication_tcp_resource_total_connections", "Connections of other processes.",
              [this] { return static_cast<double>(main_->connections()); });
        buffer([this] { return static_cast<double>(main_->queued_bytes()); });
      }
    } else {
      worker_.emplace(server);
      server.services().join<stream::Transport>(*worker_);
      if (worker_->active()) {
        gauge("lares_replication_tcp_connected", "Whether there is a connection to the main process.",
              [this] { return worker_->connected() ? 1.0 : 0.0; });
        buffer([this] { return static_cast<double>(worker_->queued_bytes()); });
      }
    }
  }

  Task<void> start() override {
    const ConfigPtr config = server_.config();
    if (worker_ && has_listener(*config, "worker_listeners")) {
      throw StartError(
          "worker_listeners: only the main process has a listener of the type replication; remove it, and "
          "write "
          "where the main process has its own as worker_replication_host and worker_replication_port.");
    }
    if (main_ && !main_->active() && has_listener(*config, "listeners")) {
      const log::Logger logger{"lares.replication.tcp"};
      logger.warning(
          "redis.enabled is true, so the processes tell each other through Redis what changed, and the "
          "listener of "
          "the type replication is not opened.");
    }
    co_return;
  }

 private:
  void gauge(const char* name, const char* help, std::function<double()> value) {
    metrics_.push_back(server_.metrics().on_scrape(
        {.name = name, .help = help, .labels = {metrics::Label::server_name()}}, metrics::Kind::kGauge,
        [this, value = std::move(value)] {
          return std::vector<metrics::Sample>{{.label_values = {server_.name()}, .value = value()}};
        }));
  }
  void buffer(std::function<double()> value) {
    metrics_.push_back(server_.metrics().on_scrape(
        {.name = "synapse_replication_tcp_protocol_transport_send_buffer",
         .help = "Bytes of replication commands that wait to be sent.",
         .labels = {metrics::Label::server_name(),
                    metrics::Label::closed("name", {"local", "redis", "tcp"})}},
        metrics::Kind::kGauge, [this, value = std::move(value)] {
          return std::vector<metrics::Sample>{{.label_values = {server_.name(), "tcp"}, .value = value()}};
        }));
  }

  Server& server_;
  std::optional<ReplicationServer> main_;
  std::optional<ReplicationClient> worker_;
  std::vector<metrics::CallbackHandle> metrics_;
};

constexpr const char* kNeeds[] = {"lares.app/1", nullptr};

}  // namespace

}  // namespace lares::tcp

LARES_PLUGIN(
        .name = "tcp", .version = LARES_VERSION, .needs = lares::tcp::kNeeds,
        .create = [](lares::Server& server) -> lares::Plugin* { return new lares::tcp::TcpPlugin(server); },
        .destroy = [](lares::Plugin* plugin) noexcept { delete plugin; })
