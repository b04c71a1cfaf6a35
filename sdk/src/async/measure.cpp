// SPDX-License-Identifier: Apache-2.0
#include <lares/async/measure.hpp>

#include <lares/async/runtime.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace lares {

namespace {

constexpr std::size_t kMostBlocks = 100;
constexpr double kNanoseconds = 1e-9;

metrics::Description describe(std::string_view suffix, std::string_view help, double scale = 1.0) {
  return {.name = "synapse_util_metrics_block_" + std::string{suffix},
          .help = std::string{help},
          .labels = {metrics::Label::server_name(), metrics::Label::bounded("block_name", kMostBlocks)},
          .scale = scale};
}

void add(metrics::Counter& counter, std::chrono::nanoseconds time) noexcept {
  if (time.count() > 0) {
    counter.add(static_cast<std::uint64_t>(time.count()));
  }
}

RefPtr<LogContext> context_of_block() {
  LogContext& current = current_context();
  return current.is_sentinel() ? LogContext::create("block", {}) : current.child();
}

}  // namespace

MeasuredBlock::MeasuredBlock(Runtime& runtime, std::string_view server_name, std::string_view name)
    : runtime_{runtime},
      count_{runtime.metrics()
                 .counters(describe("count", "Times that a block was run"))
                 .at({server_name, name})},
      time_{runtime.metrics()
                .counters(describe("time_seconds", "Wall time in a block", kNanoseconds))
                .at({server_name, name})},
      utime_{runtime.metrics()
                 .counters(describe("ru_utime_seconds", "User CPU time in a block", kNanoseconds))
                 .at({server_name, name})},
      stime_{runtime.metrics()
                 .counters(describe("ru_stime_seconds", "System CPU time in a block", kNanoseconds))
                 .at({server_name, name})},
      db_txn_count_{runtime.metrics()
                        .counters(describe("db_txn_count", "Database transactions of a block"))
                        .at({server_name, name})},
      db_txn_duration_{runtime.metrics()
                           .counters(describe("db_txn_duration_seconds",
                                              "Time in database transactions of a block", kNanoseconds))
                           .at({server_name, name})},
      db_sched_duration_{runtime.metrics()
                             .counters(describe("db_sched_duration_seconds",
                                                "Time that a block waited for the database", kNanoseconds))
                             .at({server_name, name})},
      in_flight_{runtime.metrics()
                     .gauges(describe("in_flight_total", "Blocks that are being run"))
                     .at({server_name, name})} {}

Measure::Measure(MeasuredBlock& block)
    : block_{block}, context_{context_of_block()}, scope_{context_}, started_{block.runtime_.steady_now()} {
  block_.in_flight_.add();
}

Measure::~Measure() {
  const Usage usage = context_->usage();
  add(block_.time_, block_.runtime_.steady_now() - started_);
  add(block_.utime_, usage.utime);
  add(block_.stime_, usage.stime);
  add(block_.db_txn_duration_, usage.db_txn_duration);
  add(block_.db_sched_duration_, usage.db_sched_duration);
  block_.db_txn_count_.add(usage.db_txn_count);
  block_.count_.add();
  block_.in_flight_.sub();
}

}  // namespace lares
