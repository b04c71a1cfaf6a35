// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/event.hpp>
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

#include "link.hpp"

namespace lares::tcp {

/// A worker's end: one connection to the main process, made anew for ever, at most 5 s apart.
///
/// **Threads**: `publish` any, everything else the first loop.
class ReplicationClient final : public stream::Transport {
 public:
  explicit ReplicationClient(Server& server);
  ~ReplicationClient() override;

  [[nodiscard]] std::string_view name() const noexcept override { return "tcp"; }
  [[nodiscard]] bool active() const noexcept override { return active_; }
  void open(stream::TransportListener& listener) override;
  void publish(std::string line) override;
  /// Sends what is queued if that takes no longer than a second, and ends the connection.
  Task<void> close() noexcept override;

  [[nodiscard]] bool connected() const noexcept { return outbox_->session.load() != 0; }
  [[nodiscard]] std::size_t queued_bytes() const noexcept { return bytes_->load(std::memory_order_relaxed); }

 private:
  /// Shared with the functions posted to the loop, which may outlive the client.
  struct Outbox {
    /// The connection that lines are taken for; zero for none. What was published for one never goes out on
    /// another, which would hide a gap.
    std::atomic<std::uint64_t> session{0};
    std::atomic<std::size_t> posted{0};
    Link* link = nullptr;  // on the loop
  };

  Task<void> run();
  Task<std::string> session();
  Task<Link::Socket> connect();
  Task<std::string> converse(Link& link, Event& settled);
  Task<void> wait_for_greeting(Link& link, Event& settled);
  void take(Link& link, std::string line);
  void greet(Link& link);
  Task<void> flush();

  Server& server_;
  const bool active_;
  const std::string host_;
  const std::uint16_t port_;
  Loop& loop_;
  stream::TransportListener* listener_ = nullptr;
  std::shared_ptr<Outbox> outbox_ = std::make_shared<Outbox>();
  QueuedBytes bytes_ = std::make_shared<std::atomic<std::size_t>>(0);
  std::uint64_t sessions_ = 0;
  bool greeting_ = false;  // the hub announces itself on a new connection, ahead of everything else
  bool greeted_ = false;   // the hub believes that there is a connection
  metrics::Counter& dropped_;
  TaskGroup tasks_;
  log::Logger log_{"lares.replication.tcp"};
};

}  // namespace lares::tcp
