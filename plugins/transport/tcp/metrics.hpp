// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/metrics.hpp>
#include <lares/plugin/server.hpp>

#include <string_view>

#include "link.hpp"

namespace lares::tcp {

[[nodiscard]] inline metrics::Counter& dropped_commands(Server& server) {
  return server.metrics()
      .counters({.name = "lares_replication_tcp_dropped_commands",
                 .help = "Commands that were not published for want of a connection that takes them.",
                 .labels = {metrics::Label::server_name()}})
      .at({server.name()});
}

/// Counts the end of a connection by what Link::run gave as its reason.
inline void count_close(Server& server, std::string_view reason) {
  server.metrics()
      .counters({.name = "synapse_replication_tcp_protocol_close_reason",
                 .help = "Connections between processes that have ended.",
                 .labels = {metrics::Label::server_name(),
                            metrics::Label::closed("reason_type", {"ConnectionDone", "ConnectionLost"})}})
      .at({server.name(), reason == Link::kClosed ? "ConnectionDone" : "ConnectionLost"})
      .add();
}

}  // namespace lares::tcp
