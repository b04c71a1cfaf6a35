// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/metrics.hpp>

#include <span>
#include <string_view>
#include <vector>

#include "room_caches.hpp"

namespace lares::events {

/// What dashboards read about the events that this process has written.
///
/// **Threads**: any. **Lifetime**: shorter than the registry's.
class EventMetrics {
 public:
  EventMetrics(metrics::Registry& registry, std::string_view server_name);

  /// Events that were committed, in the order of their positions.
  void committed(std::span<const AppliedEvent> events) noexcept;
  /// How many ends a room's graph has once a write to it is committed.
  void left_extremities(std::size_t count) noexcept;

 private:
  struct OfType {
    metrics::Counter* local;
    metrics::Counter* remote;
  };

  std::string_view server_name_;
  metrics::Counter& persisted_;
  metrics::Gauge& position_;
  metrics::Histogram& extremities_;
  metrics::Histogram& stale_extremities_;
  std::vector<OfType> by_type_;  // as kTypes; the last is every other type
};

}  // namespace lares::events
