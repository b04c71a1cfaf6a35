// SPDX-License-Identifier: Apache-2.0
#include <lares/async/measure.hpp>

#include <lares/base/metrics.hpp>

#include "runtime_fixture.hpp"

#include <gtest/gtest.h>

#include <string>

namespace lares::testing {
namespace {

using namespace std::chrono_literals;

class Measures : public RuntimeTest {
 public:
  double value(std::string_view what, std::string_view block) {
    const std::string line = "\nsynapse_util_metrics_block_" + std::string{what} +
                             "{server_name=\"hs\",block_name=\"" + std::string{block} + "\"} ";
    const std::string text = runtime_.metrics().expose();
    const std::size_t at = text.find(line);
    return at == std::string::npos ? -1.0 : std::stod(text.substr(at + line.size()));
  }
};

TEST_F(Measures, CountWhatABlockUsesAcrossSuspensions) {
  MeasuredBlock block{runtime_, "hs", "resolve"};
  run([](Runtime& runtime, MeasuredBlock& measured) -> Task<void> {
    const Measure measure{measured};
    spin(3ms);
    co_await yield(runtime);
    spin(3ms);
    current_context().add_db_transaction(20ms);
    current_context().add_db_sched(10ms);
  }(runtime_, block));
  EXPECT_EQ(value("count_total", "resolve"), 1);
  EXPECT_GE(value("ru_utime_seconds_total", "resolve") + value("ru_stime_seconds_total", "resolve"), 0.005);
  EXPECT_GE(value("time_seconds_total", "resolve"), 0.005);
  EXPECT_EQ(value("db_txn_count_total", "resolve"), 1);
  EXPECT_NEAR(value("db_txn_duration_seconds_total", "resolve"), 0.020, 1e-9);
  EXPECT_NEAR(value("db_sched_duration_seconds_total", "resolve"), 0.010, 1e-9);
  EXPECT_EQ(value("in_flight_total", "resolve"), 0);
}

TEST_F(Measures, AreChargedToTheCallerTooAndNest) {
  MeasuredBlock outer{runtime_, "hs", "outer"};
  MeasuredBlock inner{runtime_, "hs", "inner"};
  run([](MeasuredBlock& one, MeasuredBlock& two, Measures& test) -> Task<void> {
    const RefPtr<LogContext> mine{&current_context()};
    {
      const Measure first{one};
      current_context().add_db_transaction(1ms);
      {
        const Measure second{two};
        EXPECT_EQ(test.value("in_flight_total", "inner"), 1);
        EXPECT_EQ(current_context().name(), mine->name());
        current_context().add_db_transaction(1ms);
      }
    }
    EXPECT_EQ(&current_context(), mine.get());
    EXPECT_EQ(mine->usage().db_txn_count, 2U);
    co_return;
  }(outer, inner, *this));
  EXPECT_EQ(value("db_txn_count_total", "outer"), 2);
  EXPECT_EQ(value("db_txn_count_total", "inner"), 1);
}

}  // namespace
}  // namespace lares::testing
