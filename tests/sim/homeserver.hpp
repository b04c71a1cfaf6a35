// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <host/host.hpp>
#include <host/module_host.hpp>
#include <host/server_keys_impl.hpp>
#include <http/gate.hpp>
#include <http/http_loop.hpp>
#include <http/http_metrics.hpp>
#include <http/rate_limits.hpp>
#include <http/router_impl.hpp>
#include <http/settings.hpp>

#include <lares/plugin/plugin.hpp>
#include <lares/storage/intern.hpp>
#include <lares/stream/feed_board.hpp>

#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "process.hpp"

namespace lares::sim {

class Wire;

/// What a client is told. Status 0: the connection ended before an answer.
struct Answer {
  int status = 0;
  nlohmann::json body;

  /// To be asked again: nothing is known of what became of the request.
  [[nodiscard]] bool lost() const noexcept { return status == 0 || status == 429 || status >= 500; }
};

/// A process of the server as it is installed: every plugin out of its library, and HTTP above. In their
/// place are the simulation's database, transport and calls between processes.
class Homeserver final : public Process {
 public:
  /// **Errors**: StartError.
  Homeserver(const Parts& parts, const host::Host& host, const std::string& instance, ConfigPtr config);
  ~Homeserver() override;

  Task<void> start() override;
  void kill() override;
  Task<void> end() override;

  /// A request of a client, over a connection of its own. `token` may be empty.
  Task<Answer> ask(std::string method, std::string target, std::string token, std::string body);

  [[nodiscard]] stream::Token now() { return hub_.now(); }

 private:
  struct Active {
    const host::PluginLibrary* library;
    Plugin* plugin;
    bool started = false;
  };

  void construct(const host::Catalogue& catalogue);

  http::RouterImpl& router_;
  storage::Interner interner_;
  stream::FeedBoard notifier_;
  host::ServerKeysImpl keys_;
  http::RateLimits limits_;
  http::Gate gate_;
  http::HttpMetrics metrics_;
  http::HttpCore core_;
  host::ModuleHost modules_;
  std::vector<std::unique_ptr<http::HttpLoop>> loops_;
  std::shared_ptr<http::ListenerSettings> settings_;
  std::vector<std::weak_ptr<Wire>> wires_;
  std::vector<Active> plugins_;
};

}  // namespace lares::sim
