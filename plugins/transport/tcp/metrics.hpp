// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/metrics.hpp>
#include <lares/plugin/server.hpp>

namespace lares::tcp {

[[nodiscard]] inline metrics::Counter& dropped_commands(Server& server) {
  return server.metrics()
      .counters({.name = "lares_replication_tcp_dropped_commands",
                 .help = "Commands that were not published for want of a connection that takes them.",
                 .labels = {metrics::Label::server_name()}})
      .at({server.name()});
}

}  // namespace lares::tcp
