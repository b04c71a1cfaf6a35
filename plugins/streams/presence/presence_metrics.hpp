// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/metrics.hpp>
#include <lares/plugin/server.hpp>

#include "presence_state.hpp"

namespace lares::presence {

/// What dashboards read about the people whose presence this process writes.
///
/// **Threads**: any. **Lifetime**: shorter than the registry's.
class PresenceMetrics {
 public:
  explicit PresenceMetrics(Server& server);

  /// A change that is announced; `before` is null for somebody of whom nothing was known.
  void announced(const PresenceState* before, const PresenceState& now) noexcept;

  metrics::Counter& updates;       ///< looked at, since something was said or happened
  metrics::Counter& active;        ///< of these, because the user did something
  metrics::Counter& timers_fired;  ///< of these, because time has passed
  metrics::Gauge& timers;

 private:
  Server& server_;
  metrics::Counter& notified_;
  metrics::Family<metrics::Counter> reasons_;
  metrics::Family<metrics::Counter> transitions_;
};

/// How often /sync asked for presence: for everybody's, or for what has changed.
struct SyncMetrics {
  explicit SyncMetrics(Server& server);

  metrics::Counter& full;
  metrics::Counter& stream;
};

}  // namespace lares::presence
