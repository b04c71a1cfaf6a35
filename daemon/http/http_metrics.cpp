// SPDX-License-Identifier: Apache-2.0
#include <http/http_metrics.hpp>

#include <lares/http/router.hpp>

#include <fmt/format.h>

#include <utility>

namespace lares::http {

namespace {

using metrics::Label;

std::vector<Label> labels(bool tag, bool code) {
  std::vector<Label> result{Label::server_name(),
                            Label::closed("method", {"GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"}),
                            Label::bounded("servlet", 1024)};
  if (tag) {
    result.push_back(Label::bounded("tag", 64));
  }
  if (code) {
    result.push_back(Label::bounded("code", 64));
  }
  return result;
}

metrics::Family<metrics::Counter> counters(metrics::Registry& registry, std::string_view name,
                                           std::string_view help, bool tag, double scale = 1.0) {
  return registry.counters({.name = fmt::format("synapse_http_server_{}", name),
                            .help = std::string(help),
                            .labels = labels(tag, false),
                            .scale = scale});
}

constexpr double kNanoseconds = 1e-9;

std::uint64_t nanoseconds(std::chrono::nanoseconds time) noexcept {
  return time.count() > 0 ? static_cast<std::uint64_t>(time.count()) : 0;
}

}  // namespace

HttpMetrics::HttpMetrics(metrics::Registry& registry, std::string server_name)
    : connections(registry.gauge("lares_http_connections", "Client connections that are open.")),
      connections_total(registry.counter("lares_http_connections_accepted", "Client connections accepted.")),
      connections_refused(registry.counter("lares_http_connections_refused",
                                           "Client connections closed at once because too many were open.")),
      bad_requests(
          registry.counter("lares_http_bad_requests",
                           "Requests that were malformed, too large or too slow to reach a handler.")),
      server_name_(std::move(server_name)),
      received_(counters(registry, "requests_received", "Requests received.", false)),
      in_flight_(registry.gauges({.name = "synapse_http_server_in_flight_requests_count",
                                  .help = "Requests being served.",
                                  .labels = labels(false, false)})),
      flight_{
          counters(registry, "in_flight_requests_ru_utime_seconds", "User CPU time of requests, as they run.",
                   false, kNanoseconds),
          counters(registry, "in_flight_requests_ru_stime_seconds",
                   "System CPU time of requests, as they run.", false, kNanoseconds),
          counters(registry, "in_flight_requests_db_txn_count",
                   "Database transactions of requests, as they run.", false),
          counters(registry, "in_flight_requests_db_txn_duration_seconds",
                   "Time in database transactions of requests, as they run.", false, kNanoseconds),
          counters(registry, "in_flight_requests_db_sched_duration_seconds",
                   "Time waiting for a database connection of requests, as they run.", false, kNanoseconds)},
      response_{
          counters(registry, "response_count", "Responses sent.", true),
          counters(registry, "response_ru_utime_seconds", "User CPU time of finished requests.", true,
                   kNanoseconds),
          counters(registry, "response_ru_stime_seconds", "System CPU time of finished requests.", true,
                   kNanoseconds),
          counters(registry, "response_db_txn_count", "Database transactions of finished requests.", true),
          counters(registry, "response_db_txn_duration_seconds",
                   "Time in database transactions of finished requests.", true, kNanoseconds),
          counters(registry, "response_db_sched_duration_seconds",
                   "Time waiting for a database connection of finished requests.", true, kNanoseconds),
          counters(registry, "response_size", "Bytes of response bodies.", true)},
      time_(registry.histograms(
          {.name = "synapse_http_server_response_time_seconds",
           .help = "Time from a request's arrival to the end of its response.",
           .labels = labels(true, true),
           .buckets = {metrics::kDefaultBuckets.begin(), metrics::kDefaultBuckets.end()}})),
      responses_(registry.counters(
          {.name = "synapse_http_server_responses",
           .help = "Responses by method and status.",
           .labels = {Label::server_name(),
                      Label::closed("method", {"GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"}),
                      Label::bounded("code", 64)}})),
      unrecognized_(make("GET", "UnrecognizedRequestResource", {})),
      options_(make("OPTIONS", "OptionsResource", {})) {}

std::unique_ptr<RouteMetrics> HttpMetrics::make(std::string_view method, std::string_view servlet,
                                                const std::vector<std::string_view>& tags) {
  auto result = std::make_unique<RouteMetrics>();
  result->owner_ = this;
  result->method_ = method;
  result->servlet_ = servlet;
  result->received_ = &received_.at({server_name_, method, servlet});
  result->in_flight_ = &in_flight_.at({server_name_, method, servlet});
  const auto flight = [&](std::size_t which) { return &flight_[which].at({server_name_, method, servlet}); };
  result->flight_utime_ = flight(0);
  result->flight_stime_ = flight(1);
  result->flight_db_count_ = flight(2);
  result->flight_db_duration_ = flight(3);
  result->flight_db_sched_ = flight(4);
  const auto add = [&](std::string_view tag) {
    auto tagged = std::make_unique<RouteMetrics::Tagged>();
    const auto response = [&](std::size_t which) {
      return &response_[which].at({server_name_, method, servlet, tag});
    };
    tagged->tag = tag;
    tagged->count = response(0);
    tagged->utime = response(1);
    tagged->stime = response(2);
    tagged->db_count = response(3);
    tagged->db_duration = response(4);
    tagged->db_sched = response(5);
    tagged->size = response(6);
    result->tagged_.push_back(std::move(tagged));
  };
  add("");
  for (const std::string_view tag : tags) {
    add(tag);
  }
  return result;
}

void HttpMetrics::know(const Router& router) {
  for (const Route& route : router.routes()) {
    routes_.push_back(make(to_string(route.method),
                           route.options.name.empty() ? route.patterns.front() : route.options.name,
                           route.options.tags));
  }
}

void RouteMetrics::received() noexcept {
  received_->add();
  in_flight_->add();
}

void RouteMetrics::in_flight_usage(const Usage& usage) noexcept {
  flight_utime_->add(nanoseconds(usage.utime));
  flight_stime_->add(nanoseconds(usage.stime));
  if (usage.db_txn_count != 0) {
    flight_db_count_->add(usage.db_txn_count);
    flight_db_duration_->add(nanoseconds(usage.db_txn_duration));
    flight_db_sched_->add(nanoseconds(usage.db_sched_duration));
  }
}

void RouteMetrics::finished(const Outcome& outcome) noexcept {
  in_flight_->sub();
  in_flight_usage(outcome.unreported);
  Tagged* tagged = tagged_.front().get();
  if (!outcome.tag.empty()) {
    for (const auto& candidate : tagged_) {
      if (candidate->tag == outcome.tag) {
        tagged = candidate.get();
      }
    }
  }
  tagged->count->add();
  tagged->utime->add(nanoseconds(outcome.usage.utime));
  tagged->stime->add(nanoseconds(outcome.usage.stime));
  if (outcome.usage.db_txn_count != 0) {
    tagged->db_count->add(outcome.usage.db_txn_count);
    tagged->db_duration->add(nanoseconds(outcome.usage.db_txn_duration));
    tagged->db_sched->add(nanoseconds(outcome.usage.db_sched_duration));
  }
  tagged->size->add(outcome.bytes);
  std::size_t at = 0;
  for (; at < kCodes; ++at) {
    int code = tagged->codes[at].load(std::memory_order_acquire);
    if (code == 0 && tagged->codes[at].compare_exchange_strong(code, outcome.status)) {
      code = outcome.status;
    }
    if (code == outcome.status) {
      break;
    }
  }
  if (at < kCodes) {
    metrics::Histogram* time = tagged->times[at].load(std::memory_order_acquire);
    metrics::Counter* responses = tagged->responses[at].load(std::memory_order_acquire);
    if (time == nullptr || responses == nullptr) {
      const std::string code = std::to_string(outcome.status);
      time = &owner_->time_.at({owner_->server_name_, method_, servlet_, tagged->tag, code});
      responses = &owner_->responses_.at({owner_->server_name_, method_, code});
      tagged->times[at].store(time, std::memory_order_release);
      tagged->responses[at].store(responses, std::memory_order_release);
    }
    time->observe(outcome.seconds);
    responses->add();
  }
}

}  // namespace lares::http
