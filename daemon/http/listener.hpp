// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <http/http_server.hpp>
#include <http/listener_config.hpp>
#include <http/settings.hpp>
#include <http/sockets.hpp>

#include <lares/async/log_context.hpp>
#include <lares/async/task.hpp>

#include <memory>
#include <string>
#include <vector>

namespace lares::http {

class HttpLoop;
class TlsContext;
struct HttpCore;

/// One entry of `listeners`: its sockets, on one or more addresses, and what their connections are given. One
/// acceptor per address hands the connections to the loops in turn, which spreads few long-lived ones evenly;
/// the kernel's own spreading (SO_REUSEPORT) goes by a hash and does not.
///
/// **Threads**: the server's first loop. **Lifetime**: closed before it goes.
class Listener {
 public:
  Listener(HttpCore& core, std::vector<std::unique_ptr<HttpLoop>>& loops, ListenerConfig config,
           std::shared_ptr<ListenerSettings> settings);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  /// Binds every address, or takes the sockets that systemd passed. A unix socket whose holder is stopped
  /// stays with it: whether this process may have its place is not known yet. **Errors**: StartError.
  Task<void> open(ActivatedSockets& activated);
  /// Takes such a unix socket from its holder. To be called once nothing speaks against the start of this
  /// process. **Errors**: StartError where the holder has gone on meanwhile.
  void take_place();
  /// Begins to accept.
  void accept();
  void close() noexcept;

  /// Reads the certificate anew, from where `entry` says that it is now; true if it is another one than
  /// before.
  /// **Errors**: std::runtime_error; the former stays.
  bool reload_certificate(const ListenerConfig& entry);
  void set_limits(const Limits& limits);

  [[nodiscard]] const ListenerConfig& config() const noexcept { return config_; }
  [[nodiscard]] std::vector<BoundAddress> addresses() const;

 private:
  class Acceptor;

  void open_unix(ActivatedSockets& activated);
  void take(int descriptor, std::string peer);
  void load_certificate(const std::string& certificate_path, const std::string& key_path);

  HttpCore& core_;
  std::vector<std::unique_ptr<HttpLoop>>& loops_;
  ListenerConfig config_;
  std::shared_ptr<const ListenerSettings> settings_;
  std::shared_ptr<const TlsContext> tls_;
  std::string certificate_text_;  ///< what tls_ was made of
  std::vector<std::shared_ptr<Acceptor>> acceptors_;
  RefPtr<LogContext> context_;  ///< under which it accepts
  SocketFile socket_file_;      ///< none where systemd passed it: that stays, for the next start
  bool takes_place_ = false;    ///< the file lies beside its place, which a stopped process has
  std::size_t next_loop_ = 0;
  SteadyTime refused_logged_{};
};

}  // namespace lares::http
