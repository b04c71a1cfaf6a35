// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/log_context.hpp>
#include <lares/base/metrics.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lares::http {

class Router;
struct Route;

/// The metrics of one kind of request. All are found once, at the start, so that a request costs additions
/// alone.
class RouteMetrics {
 public:
  /// What a finished request was.
  struct Outcome {
    std::string_view tag;
    int status = 0;
    double seconds = 0;
    std::uint64_t bytes = 0;
    Usage usage;       ///< all that the request used
    Usage unreported;  ///< of that, what no scrape has seen while it was in flight
  };

  void received() noexcept;
  void finished(const Outcome& outcome) noexcept;
  /// What a request has used since it was last asked, at a scrape.
  void in_flight_usage(const Usage& usage) noexcept;

 private:
  friend class HttpMetrics;
  static constexpr std::size_t kCodes = 16;

  struct Tagged {
    std::string_view tag;
    metrics::Counter* count = nullptr;
    metrics::Counter* utime = nullptr;
    metrics::Counter* stime = nullptr;
    metrics::Counter* db_count = nullptr;
    metrics::Counter* db_duration = nullptr;
    metrics::Counter* db_sched = nullptr;
    metrics::Counter* size = nullptr;
    /// By status, found when it first occurs; the last is shared by what does not fit.
    std::array<std::atomic<int>, kCodes> codes{};
    std::array<std::atomic<metrics::Histogram*>, kCodes> times{};
    std::array<std::atomic<metrics::Counter*>, kCodes> responses{};
  };

  class HttpMetrics* owner_ = nullptr;
  std::string_view method_;
  std::string servlet_;
  metrics::Counter* received_ = nullptr;
  metrics::Counter* flight_utime_ = nullptr;
  metrics::Counter* flight_stime_ = nullptr;
  metrics::Counter* flight_db_count_ = nullptr;
  metrics::Counter* flight_db_duration_ = nullptr;
  metrics::Counter* flight_db_sched_ = nullptr;
  metrics::Gauge* in_flight_ = nullptr;
  std::vector<std::unique_ptr<Tagged>> tagged_;  ///< the first is for requests without a tag
};

/// The `synapse_http_server_*` families of one server, and our own about connections.
///
/// **Threads**: any, once the routes are known.
class HttpMetrics {
 public:
  HttpMetrics(metrics::Registry& registry, std::string server_name);

  /// Makes the metrics of every route. Once, before the first request.
  void know(const Router& router);

  /// By the route's index. **Lifetime**: of this.
  [[nodiscard]] RouteMetrics& route(std::uint32_t index) noexcept { return *routes_[index]; }
  /// Of requests that no route takes.
  [[nodiscard]] RouteMetrics& unrecognized() noexcept { return *unrecognized_; }
  [[nodiscard]] RouteMetrics& options() noexcept { return *options_; }

  metrics::Gauge& connections;            ///< open now
  metrics::Counter& connections_total;    ///< accepted since the start
  metrics::Counter& connections_refused;  ///< closed at once because there were too many
  metrics::Counter& bad_requests;         ///< what was no HTTP request, or too large, or too slow

 private:
  friend class RouteMetrics;
  std::unique_ptr<RouteMetrics> make(std::string_view method, std::string_view servlet,
                                     const std::vector<std::string_view>& tags);

  std::string server_name_;
  metrics::Family<metrics::Counter> received_;
  metrics::Family<metrics::Gauge> in_flight_;
  std::array<metrics::Family<metrics::Counter>, 5> flight_;
  std::array<metrics::Family<metrics::Counter>, 7> response_;
  metrics::Family<metrics::Histogram> time_;
  metrics::Family<metrics::Counter> responses_;
  std::vector<std::unique_ptr<RouteMetrics>> routes_;
  std::unique_ptr<RouteMetrics> unrecognized_;
  std::unique_ptr<RouteMetrics> options_;
};

}  // namespace lares::http
