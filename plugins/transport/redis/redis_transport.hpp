// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/event.hpp>
#include <lares/async/runtime.hpp>
#include <lares/async/task_group.hpp>
#include <lares/base/log.hpp>
#include <lares/base/metrics.hpp>
#include <lares/plugin/server.hpp>
#include <lares/stream/transport.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "redis_connection.hpp"

namespace lares::redis {

/// Replication through Redis' publish and subscribe, on the channel named like the server. See
/// stream::Transport.
///
/// **Threads**: `publish` any, everything else the first loop.
class RedisTransport final : public stream::Transport {
 public:
  /// Bytes that may wait for Redis. Beyond them the connection is given up, and the other processes fetch
  /// what they miss.
  static constexpr std::size_t kMostQueued = 16U << 20U;

  explicit RedisTransport(Server& server);

  [[nodiscard]] std::string_view name() const noexcept override { return "redis"; }
  [[nodiscard]] bool active() const noexcept override { return active_; }
  /// **Errors**: StartError for certificates that cannot be read.
  void open(stream::TransportListener& listener) override;
  void publish(std::string line) override;
  /// Sends what is queued if that takes no longer than a second, and ends both connections.
  Task<void> close() noexcept override;

  /// Bytes that wait for Redis.
  [[nodiscard]] std::size_t queued() const noexcept { return outbox_->bytes.load(std::memory_order_relaxed); }
  [[nodiscard]] bool connected() const noexcept {
    return outbox_->session.load(std::memory_order_relaxed) != 0;
  }

 private:
  /// What is to be published. Shared with the functions posted to the loop, which may outlive the transport.
  struct Outbox {
    /// The connection that lines are taken for; zero for none. What was queued for one never goes out on
    /// another, which would hide a gap.
    std::atomic<std::uint64_t> session{0};
    std::atomic<std::size_t> bytes{0};
    // The rest belongs to the loop.
    std::string waiting;
    std::string sending;
    Notification changed;  // something waits, or the session is over
    Notification sent;
  };

  static void give_up(Outbox& outbox, std::uint64_t session) noexcept;
  Task<void> run();
  Task<void> session();
  Task<void> greet(Connection& subscriber, Connection& publisher);
  Task<void> listen(Connection& subscriber);
  Task<void> write(Connection& publisher, std::uint64_t session);
  Task<void> read_answers(Connection& publisher);
  Task<void> keep_alive(Connection& subscriber, Connection& publisher);
  Task<void> flush();
  void begin_session();
  void end_session();

  Server& server_;
  const bool active_;
  const std::string channel_;
  Address address_;
  Loop& loop_;
  std::unique_ptr<boost::asio::ssl::context> tls_;
  std::shared_ptr<Outbox> outbox_ = std::make_shared<Outbox>();
  std::uint64_t sessions_ = 0;
  bool greeting_ = false;  // the hub announces itself on a new connection, ahead of everything else
  bool greeted_ = false;   // the hub believes that there is a connection
  stream::TransportListener* listener_ = nullptr;
  TaskGroup tasks_;
  metrics::Counter& dropped_;
  metrics::Counter& lost_;
  log::Logger log_{"lares.replication.redis"};
};

}  // namespace lares::redis
