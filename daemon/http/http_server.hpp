// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/plugin/config.hpp>
#include <lares/plugin/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace lares {
class Declarations;
class Server;
}  // namespace lares
namespace lares::service {
class RateLimiter;
}

namespace lares::http {

class RouterImpl;

/// Declares the keys that listeners, connections, the gate and the rate limits read.
void declare_config(Declarations& declarations);

/// Where a listener ended up: with port 0 the system chose.
struct BoundAddress {
  std::string address;  ///< "127.0.0.1", "::1", or the path of a unix socket
  std::uint16_t port = 0;
  bool tls = false;
  std::string type;  ///< "http" or "metrics"
};

/// Everything between the network and the handlers for one server: listeners, connections, the gate, rate
/// limits.
///
/// The order of calls: constructor (provides the RateLimiter service and the routes `/health` and, unless
/// `enable_metrics` is false, `/_synapse/metrics`), the plugins' constructors, start, the plugins' start,
/// ready, (reload)*, drain, the plugins' drain and stop, stop.
///
/// **Threads**: all calls on the server's first loop. **Lifetime**: shorter than that of the Server and the
/// router.
class HttpServer {
 public:
  HttpServer(Server& server, RouterImpl& router);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  /// Binds all addresses and loads certificates, and accepts nobody yet: a client that comes early waits in
  /// the backlog.
  /// **Errors**: StartError with listener, address and reason.
  Task<void> start();

  /// Begins to accept. Every service the gate asks must be there, and this process sure to be the one of its
  /// name: a unix socket that a stopped process has is taken from it now.
  /// **Errors**: StartError where it has gone on meanwhile.
  void ready();

  /// Stops accepting, tells clients to close (`Connection: close`), and returns when the requests in flight
  /// are answered.
  /// **Cancellation**: and at the deadline, the connections that are left are closed and their requests
  /// cancelled.
  Task<void> drain(std::chrono::milliseconds deadline);

  /// Closes everything. Returns when no connection and no handler is left.
  Task<void> stop() noexcept;

  /// Applies what can change while running: TLS certificates, rate limits, limits of connections.
  ReloadReport reload(const Config& config);

  [[nodiscard]] std::vector<BoundAddress> addresses() const;
  [[nodiscard]] service::RateLimiter& rate_limiter() noexcept;

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace lares::http
