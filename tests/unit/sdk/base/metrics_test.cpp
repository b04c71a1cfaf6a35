// SPDX-License-Identifier: Apache-2.0
#include <lares/base/metrics.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace lares::metrics {
namespace {

TEST(Metrics, AreShownInPrometheusTextFormat) {
  Registry registry;
  const auto requests =
      registry.counters({.name = "synapse_http_server_requests_received",
                         .help = "Requests\nreceived",
                         .labels = {Label::closed("method", {"GET", "PUT"}), Label::bounded("servlet", 10)}});
  requests.at({"GET", "Sync"}).add(2);
  requests.at({"PUT", "a\"b\\c\nd"}).add();
  registry.gauge("lares_open", "Open").set(-3);
  EXPECT_EQ(registry.expose(),
            "# HELP lares_open Open\n"
            "# TYPE lares_open gauge\n"
            "lares_open -3\n"
            "# HELP synapse_http_server_requests_received_total Requests\\nreceived\n"
            "# TYPE synapse_http_server_requests_received_total counter\n"
            "synapse_http_server_requests_received_total{method=\"GET\",servlet=\"Sync\"} 2\n"
            "synapse_http_server_requests_received_total{method=\"PUT\",servlet=\"a\\\"b\\\\c\\nd\"} 1\n");
}

TEST(Metrics, HistogramsAreCumulative) {
  Registry registry;
  Histogram& times = registry.histogram("t", "Time", {0.5, 1});
  times.observe(0.5);
  times.observe(0.75);
  times.observe(7);
  times.add_to_first(10, 1);
  EXPECT_EQ(times.count(), 13U);
  EXPECT_EQ(
      registry.expose(),
      "# HELP t Time\n# TYPE t histogram\n"
      "t_bucket{le=\"0.5\"} 11\nt_bucket{le=\"1\"} 12\nt_bucket{le=\"+Inf\"} 13\nt_count 13\nt_sum 9.25\n");
}

TEST(Metrics, ValuesThatWereNotDeclaredCountAsOther) {
  Registry registry;
  const auto family = registry.counters(
      {.name = "c", .help = "c", .labels = {Label::closed("method", {"GET"}), Label::bounded("place", 2)}});
  family.at({"GET", "a"}).add();
  family.at({"BREW", "b"}).add();
  family.at({"GET", "c"}).add();
  family.at({"GET", "d"}).add();
  EXPECT_EQ(registry.expose(),
            "# HELP c_total c\n# TYPE c_total counter\n"
            "c_total{method=\"GET\",place=\"a\"} 1\n"
            "c_total{method=\"GET\",place=\"other\"} 2\n"
            "c_total{method=\"other\",place=\"b\"} 1\n");
}

TEST(Metrics, IntegersAreShownInTheUnitOfTheirFamily) {
  Registry registry;
  registry.counter("cpu_seconds", "CPU", 1e-9).add(1'500'000'000);
  EXPECT_NE(registry.expose().find("cpu_seconds_total 1.5\n"), std::string::npos);
}

TEST(Metrics, DeclaringAgainGivesTheSameAndDeclaringDifferentlyIsRefused) {
  Registry registry;
  registry.counter("a", "A").add(1);
  registry.counter("a", "A").add(1);
  EXPECT_EQ(registry.counter("a", "A").value(), 2U);
  EXPECT_THROW(static_cast<void>(registry.gauge("a", "A")), std::logic_error);
  EXPECT_THROW(
      static_cast<void>(registry.counters({.name = "a", .help = "A", .labels = {Label::bounded("x", 1)}})),
      std::logic_error);
}

TEST(Metrics, NamesThatPrometheusDoesNotAllowAreRefused) {
  Registry registry;
  EXPECT_THROW(static_cast<void>(registry.counter("1a", "")), std::logic_error);
  EXPECT_THROW(static_cast<void>(registry.counter("", "")), std::logic_error);
  EXPECT_THROW(static_cast<void>(registry.counter("a-b", "")), std::logic_error);
  EXPECT_THROW(static_cast<void>(registry.counters({.name = "a", .labels = {Label::bounded("b:c", 1)}})),
               std::logic_error);
  EXPECT_THROW(static_cast<void>(registry.counters({.name = "a", .labels = {Label::bounded("b", 0)}})),
               std::logic_error);
  EXPECT_THROW(static_cast<void>(registry.histogram("h", "", {2, 1})), std::logic_error);
  EXPECT_THROW(static_cast<void>(registry.histograms({.name = "h", .labels = {Label::bounded("le", 1)}})),
               std::logic_error);
}

TEST(Metrics, CallbacksAreAskedAtEachScrapeWhileTheirHandleLives) {
  Registry registry;
  int value = 4;
  {
    const CallbackHandle first =
        registry.on_scrape("g", "G", [&value] { return static_cast<double>(value); });
    const CallbackHandle second = registry.on_scrape("g", "G", [] { return 0.5; });
    EXPECT_NE(registry.expose().find("g 4.5\n"), std::string::npos);
    value = 5;
    EXPECT_NE(registry.expose().find("g 5.5\n"), std::string::npos);
  }
  EXPECT_EQ(registry.expose(), "");
}

TEST(Metrics, CallbacksAreBoundByTheirLabelsToo) {
  Registry registry;
  const CallbackHandle handle =
      registry.on_scrape({.name = "g", .help = "G", .labels = {Label::bounded("name", 1)}}, Kind::kGauge, [] {
        return std::vector<Sample>{{.label_values = {"a"}, .value = 1},
                                   {.label_values = {"b"}, .value = 2},
                                   {.label_values = {"c"}, .value = 3}};
      });
  EXPECT_NE(registry.expose().find("g{name=\"a\"} 1\ng{name=\"other\"} 5\n"), std::string::npos);
}

TEST(Metrics, NothingIsLostWhenManyThreadsCount) {
  Registry registry;
  const auto family = registry.counters({.name = "c", .labels = {Label::bounded("x", 4)}});
  Histogram& histogram = registry.histogram("h", "", {1, 2});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&family, &histogram, i] {
      const std::string value = std::to_string(i % 2);
      for (int n = 0; n < 10'000; ++n) {
        family.at({value}).add();
        histogram.observe(1.5);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(family.at({"0"}).value(), 20'000U);
  EXPECT_EQ(histogram.count(), 40'000U);
  EXPECT_EQ(histogram.sum(), 60'000.0);
}

}  // namespace
}  // namespace lares::metrics
