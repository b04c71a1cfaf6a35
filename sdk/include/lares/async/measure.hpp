// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/log_context.hpp>
#include <lares/base/export.hpp>
#include <lares/base/metrics.hpp>
#include <lares/base/ref_counted.hpp>
#include <lares/base/time.hpp>

#include <string_view>

namespace lares {

class Runtime;

/// A named part of the work whose time and use dashboards show, as
/// `synapse_util_metrics_block_*{block_name}`. A member of whoever does the work, made once; `Measure` stands
/// where the work is done.
///
///     MeasuredBlock resolve_{runtime, server_name, "state._resolve_events"};
///     ...
///     const Measure measure{resolve_};
///     co_await ...;
///
/// **Threads** any. **Lifetime** longer than every Measure of it, shorter than the runtime.
class LARES_EXPORT MeasuredBlock {
 public:
  /// `name` is the code's, one of a small set.
  MeasuredBlock(Runtime& runtime, std::string_view server_name, std::string_view name);

 private:
  friend class Measure;

  Runtime& runtime_;
  metrics::Counter& count_;
  metrics::Counter& time_;
  metrics::Counter& utime_;
  metrics::Counter& stime_;
  metrics::Counter& db_txn_count_;
  metrics::Counter& db_txn_duration_;
  metrics::Counter& db_sched_duration_;
  metrics::Gauge& in_flight_;
};

/// Measures from here to the end of the scope, across suspensions too. What is used counts for the current
/// context as before.
///
/// **Threads** as ContextScope.
class LARES_EXPORT Measure {
 public:
  explicit Measure(MeasuredBlock& block);
  Measure(const Measure&) = delete;
  Measure& operator=(const Measure&) = delete;
  ~Measure();

 private:
  MeasuredBlock& block_;
  RefPtr<LogContext> context_;
  ContextScope scope_;
  SteadyTime started_;
};

}  // namespace lares
