// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>

#include <string>
#include <string_view>

namespace lares::stream {

/// The hub's side of a transport.
///
/// **Threads**: the transport calls these on the first loop, in the order in which things happened.
class LARES_EXPORT TransportListener {
 public:
  virtual ~TransportListener();
  /// What is published from here on reaches the others, and what they publish arrives.
  virtual void transport_connected() = 0;
  /// Messages may have been lost from here on.
  virtual void transport_disconnected() = 0;
  /// One command, without its line end.
  virtual void received(std::string line) = 0;
};

/// How replication travels between the processes of one server: every command reaches every other process, in
/// the order in which one process published it, or is lost together with all that follow until
/// `transport_connected` is called again.
///
/// Joined to the registry by transport plugins (`services.join<stream::Transport>(*this)`).
class LARES_EXPORT Transport {
 public:
  static constexpr std::string_view kServiceId = "lares.transport/1";
  virtual ~Transport();

  /// "local", "redis" or "tcp": what metrics call it.
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;
  /// Whether the configuration asks for this transport.
  [[nodiscard]] virtual bool active() const noexcept = 0;
  /// Connects, and keeps on connecting, until `close`. The listener outlives that.
  virtual void open(TransportListener& listener) = 0;
  /// Sends a command; dropped while not connected. **Threads**: any.
  virtual void publish(std::string line) = 0;
  virtual Task<void> close() noexcept = 0;
};

}  // namespace lares::stream
