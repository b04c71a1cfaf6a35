// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/metrics.hpp>
#include <lares/plugin/server.hpp>
#include <lares/stream/command.hpp>
#include <lares/stream/feed_board.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace lares::hub {

/// What replication counts of one stream.
struct StreamMetrics {
  explicit StreamMetrics(Server& server, std::string_view stream);

  metrics::Counter& received;
  metrics::Counter& published;
  metrics::Gauge& queued;
};

/// Commands by name, as they go through the process's transport.
///
/// **Threads**: any.
class CommandMetrics {
 public:
  /// `transport` is one of the three names that transports have.
  CommandMetrics(Server& server, std::string_view transport);

  void received(std::string_view line) noexcept { count(inbound_, line); }
  void sent(std::string_view line) noexcept { count(outbound_, line); }

 private:
  // And one for whatever else the wire may carry.
  using Counters = std::array<metrics::Counter*, stream::kCommandNames.size() + 1>;

  [[nodiscard]] static Counters make(Server& server, std::string_view transport, metrics::Description family);
  static void count(const Counters& counters, std::string_view line) noexcept;

  Counters inbound_;
  Counters outbound_;
};

/// What the notifier keeps and whom it has woken, read at each scrape.
class NotifierMetrics {
 public:
  NotifierMetrics(Server& server, const stream::FeedBoard& board);

 private:
  void show(Server& server, std::string name, std::string help, metrics::Kind kind,
            std::function<double()> value);

  std::vector<metrics::CallbackHandle> shown_;
};

/// Requests to other processes, by what they ask for. **Threads**: any.
class PeerMetrics {
 public:
  explicit PeerMetrics(Server& server);

  /// `path` is below "/_lares/replication/vN/". Status 0 is for no answer at all.
  void answered(std::string_view path, int status) const;
  [[nodiscard]] metrics::Gauge& pending(std::string_view path) const;

 private:
  Server& server_;
  metrics::Family<metrics::Counter> answers_;
  metrics::Family<metrics::Gauge> pending_;
};

}  // namespace lares::hub
