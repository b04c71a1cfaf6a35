// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lares::metrics {

/// A label of a family and what may stand in it. Rooms, users, events, paths and texts from outside are never
/// labels; values beyond what was declared are counted under `other`.
struct LARES_EXPORT Label {
  std::string name;
  /// The only values there are; empty when bounded by number.
  std::vector<std::string> values;
  /// How many different values are kept, first come first kept, when `values` is empty.
  std::size_t max_values = 0;

  [[nodiscard]] static Label closed(std::string name, std::vector<std::string> values);
  [[nodiscard]] static Label bounded(std::string name, std::size_t max_values);
  /// `server_name`, which nearly every `synapse_` family carries first.
  [[nodiscard]] static Label server_name();

  bool operator==(const Label&) const = default;
};

/// Counts up. Kept as an integer of a unit that the family names (Description::scale).
///
/// **Threads** any; wait-free.
class Counter {
 public:
  void add(std::uint64_t n = 1) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<std::uint64_t> value_{0};
};

/// Goes up and down. **Threads** any; wait-free.
class Gauge {
 public:
  void set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t n = 1) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  void sub(std::int64_t n = 1) noexcept { value_.fetch_sub(n, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<std::int64_t> value_{0};
};

/// A distribution over fixed buckets. **Threads** any; lock-free. **Units** those of the bounds, seconds as a
/// rule.
class LARES_EXPORT Histogram {
 public:
  /// Upper bounds, ascending, without +Inf.
  explicit Histogram(std::span<const double> bounds);
  void observe(double value) noexcept;
  /// Many observations at once that were all within the first bound.
  void add_to_first(std::uint64_t count, double sum) noexcept;
  [[nodiscard]] std::uint64_t count() const noexcept;
  [[nodiscard]] double sum() const noexcept { return sum_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::span<const double> bounds() const noexcept { return bounds_; }
  /// Observations of one bucket alone; the index bounds().size() is what lies above all bounds.
  [[nodiscard]] std::uint64_t in_bucket(std::size_t index) const noexcept {
    return counts_[index].load(std::memory_order_relaxed);
  }

 private:
  std::span<const double> bounds_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
  std::atomic<double> sum_{0};
};

/// The buckets that Prometheus client libraries have when none are given: 5 ms to 10 s.
inline constexpr std::array<double, 14> kDefaultBuckets{.005, .01, .025, .05, .075, .1,  .25,
                                                        .5,   .75, 1.0,  2.5, 5.0,  7.5, 10.0};

/// What a family is called and means.
struct Description {
  /// Without the `_total` that the exposition gives to counters.
  std::string name;
  std::string help{};
  std::vector<Label> labels{};
  /// What a counter's or gauge's integer is multiplied by when it is shown: 1e-9 for nanoseconds shown as
  /// seconds.
  double scale = 1.0;
  /// Histograms only, ascending.
  std::vector<double> buckets{};
};

namespace detail {
class FamilyBase;
LARES_EXPORT void* find_child(FamilyBase& family, std::span<const std::string_view> values);
}  // namespace detail

/// The metrics of one name, one for each combination of label values.
///
/// **Threads** any. **Lifetime** that of the registry; so is what at() gives, so hot code keeps the
/// reference.
template <class Metric>
class Family {
 public:
  /// The metric with these label values, in the order of the declaration; values that were not declared, or
  /// are beyond the bound, count as `other`.
  [[nodiscard]] Metric& at(std::span<const std::string_view> values) const {
    return *static_cast<Metric*>(detail::find_child(*base_, values));
  }
  [[nodiscard]] Metric& at(std::initializer_list<std::string_view> values) const {
    return at(std::span<const std::string_view>{values.begin(), values.size()});
  }

 private:
  friend class Registry;
  explicit Family(detail::FamilyBase& base) noexcept : base_{&base} {}

  detail::FamilyBase* base_;
};

/// One value that a callback reports at a scrape.
struct Sample {
  /// As many as the family has labels.
  std::vector<std::string> label_values;
  double value = 0;
};

enum class Kind : std::uint8_t { kCounter, kGauge, kHistogram };

/// Keeps a callback registered while it lives.
class LARES_EXPORT CallbackHandle {
 public:
  CallbackHandle() = default;
  CallbackHandle(CallbackHandle&&) noexcept;
  CallbackHandle& operator=(CallbackHandle&&) noexcept;
  CallbackHandle(const CallbackHandle&) = delete;
  CallbackHandle& operator=(const CallbackHandle&) = delete;
  /// Waits for a scrape that is calling it.
  ~CallbackHandle();

 private:
  friend class Registry;
  CallbackHandle(class Registry& registry, std::uint64_t id) noexcept : registry_{&registry}, id_{id} {}

  Registry* registry_ = nullptr;
  std::uint64_t id_ = 0;
};

/// All metrics of a process.
///
/// Declaring a family again gives the one that exists. **Errors** std::logic_error when the two declarations
/// differ, or a name or label is not one that Prometheus allows.
///
/// **Threads** any. **Lifetime** families and metrics live as long as the registry.
class LARES_EXPORT Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  [[nodiscard]] Family<Counter> counters(Description description);
  [[nodiscard]] Family<Gauge> gauges(Description description);
  [[nodiscard]] Family<Histogram> histograms(Description description);

  /// Without labels.
  [[nodiscard]] Counter& counter(std::string name, std::string help, double scale = 1.0);
  [[nodiscard]] Gauge& gauge(std::string name, std::string help, double scale = 1.0);
  [[nodiscard]] Histogram& histogram(std::string name, std::string help, std::vector<double> buckets = {});

  /// Asks `read` at each scrape, for values that are kept elsewhere. Several callbacks may serve one family;
  /// samples with the same label values are added up. `read` is called from the scraping thread, must not
  /// block and must not touch the registry.
  [[nodiscard]] CallbackHandle on_scrape(Description description, Kind kind,
                                         std::function<std::vector<Sample>()> read);
  /// The same for a single value without labels.
  [[nodiscard]] CallbackHandle on_scrape(std::string name, std::string help, std::function<double()> read);

  /// Everything in Prometheus' text format 0.0.4, families sorted by name.
  [[nodiscard]] std::string expose() const;

  /// The declared families, for the reference documentation and for tests.
  [[nodiscard]] std::vector<Description> families() const;

 private:
  friend class CallbackHandle;
  void remove_callback(std::uint64_t id) noexcept;

  struct State;
  std::unique_ptr<State> state_;
};

/// The content type of Registry::expose().
inline constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace lares::metrics
