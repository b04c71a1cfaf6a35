// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task_group.hpp>
#include <lares/base/log.hpp>
#include <lares/base/metrics.hpp>
#include <lares/plugin/server.hpp>
#include <lares/stream/transport.hpp>

#include <boost/asio/basic_socket_acceptor.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "link.hpp"

namespace lares::tcp {

/// The main process's end: listens where `listeners` has the type replication, and passes what one worker
/// publishes on to the others. Whoever says REPLICATE is sent everything from there on; commands that only
/// Lares has go to those who have given its sign alone.
///
/// **Threads**: `publish` any, everything else the first loop.
class ReplicationServer final : public stream::Transport {
 public:
  /// Connections open at a time; further ones are told so and closed.
  static constexpr std::size_t kMostConnections = 400;

  explicit ReplicationServer(Server& server);
  ~ReplicationServer() override;

  [[nodiscard]] std::string_view name() const noexcept override { return "tcp"; }
  [[nodiscard]] bool active() const noexcept override { return active_; }
  /// **Errors**: StartError for what cannot be bound.
  void open(stream::TransportListener& listener) override;
  void publish(std::string line) override;
  /// Sends what is queued if that takes no longer than a second, and ends all connections.
  Task<void> close() noexcept override;

  /// The ports that are listened on, of TCP alone.
  [[nodiscard]] std::vector<std::uint16_t> ports() const;
  [[nodiscard]] std::size_t connections() const noexcept {
    return connections_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t queued_bytes() const noexcept { return bytes_->load(std::memory_order_relaxed); }

 private:
  using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::generic::stream_protocol,
                                                      boost::asio::io_context::executor_type>;

  struct Peer {
    Peer(Loop& loop, Link::Socket socket, QueuedBytes bytes)
        : link(loop, std::move(socket), std::move(bytes)) {}
    Link link;
    std::string name;
    bool subscribed = false;
  };

  /// Shared with the functions posted to the loop, which may outlive the server.
  struct Outbox {
    std::atomic<std::size_t> posted{0};
    std::atomic<bool> overrun{false};
    ReplicationServer* server = nullptr;  // on the loop; null once closed
  };

  void listen(const boost::asio::generic::stream_protocol::endpoint& endpoint, const std::string& place);
  void listen_on_path(const std::string& path, unsigned mode, const std::string& place);
  Task<void> accept(Acceptor& acceptor);
  Task<void> serve(std::shared_ptr<Peer> peer);
  void take(Peer& peer, std::string line);
  void take_name(Peer& peer, std::string_view name);
  void send_to_all(const Line& line, const Peer* from);
  void fail_all(std::string_view sentence);
  Task<void> flush();

  Server& server_;
  const bool active_;
  Loop& loop_;
  stream::TransportListener* listener_ = nullptr;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::vector<std::string> paths_;
  std::vector<std::shared_ptr<Peer>> peers_;
  std::shared_ptr<Outbox> outbox_ = std::make_shared<Outbox>();
  QueuedBytes bytes_ = std::make_shared<std::atomic<std::size_t>>(0);
  std::atomic<std::size_t> connections_{0};
  metrics::Counter& dropped_;
  TaskGroup tasks_;
  log::Logger log_{"lares.replication.tcp"};
};

}  // namespace lares::tcp
