// SPDX-License-Identifier: Apache-2.0
#include <lares/base/metrics.hpp>

#include "metrics_family.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace lares::metrics {

namespace {

bool is_name(std::string_view name, bool colons) noexcept {
  const auto allowed = [colons](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (colons && c == ':');
  };
  return !name.empty() && !(name.front() >= '0' && name.front() <= '9') && std::ranges::all_of(name, allowed);
}

void check(const Description& description, Kind kind) {
  const std::string& name = description.name;
  if (!is_name(name, true)) {
    throw std::logic_error{fmt::format("'{}' is not a name that a metric can have", name)};
  }
  for (const Label& label : description.labels) {
    if (!is_name(label.name, false) || label.name.starts_with("__") ||
        (kind == Kind::kHistogram && label.name == "le")) {
      throw std::logic_error{fmt::format("'{}' is not a name that a label of {} can have", label.name, name)};
    }
    if (label.values.empty() && label.max_values == 0) {
      throw std::logic_error{
          fmt::format("The label {} of {} has neither values nor a bound", label.name, name)};
    }
  }
  if (!std::ranges::is_sorted(description.buckets, std::ranges::less_equal{})) {
    throw std::logic_error{fmt::format("The buckets of {} are not ascending", name)};
  }
}

}  // namespace

Label Label::closed(std::string name, std::vector<std::string> values) {
  return {.name = std::move(name), .values = std::move(values), .max_values = 0};
}

Label Label::bounded(std::string name, std::size_t max_values) {
  return {.name = std::move(name), .values = {}, .max_values = max_values};
}

Label Label::server_name() {
  constexpr std::size_t kMaxServers = 64;
  return bounded("server_name", kMaxServers);
}

Histogram::Histogram(std::span<const double> bounds)
    : bounds_{bounds}, counts_{std::make_unique<std::atomic<std::uint64_t>[]>(bounds.size() + 1)} {}

void Histogram::observe(double value) noexcept {
  std::size_t bucket = 0;
  while (bucket < bounds_.size() && value > bounds_[bucket]) {
    ++bucket;
  }
  counts_[bucket].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

void Histogram::add_to_first(std::uint64_t count, double sum) noexcept {
  counts_[0].fetch_add(count, std::memory_order_relaxed);
  sum_.fetch_add(sum, std::memory_order_relaxed);
}

std::uint64_t Histogram::count() const noexcept {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i <= bounds_.size(); ++i) {
    out += in_bucket(i);
  }
  return out;
}

namespace detail {

FamilyBase::FamilyBase(Description description, Kind kind)
    : description_{std::move(description)}, kind_{kind}, seen_(description_.labels.size()) {}

bool FamilyBase::same_as(const Description& other, Kind kind) const {
  return kind == kind_ && other.labels == description_.labels && other.scale == description_.scale &&
         (kind != Kind::kHistogram || other.buckets == description_.buckets);
}

std::string_view FamilyBase::admit(std::size_t label, std::string_view value) {
  const Label& declared = description_.labels[label];
  if (!declared.values.empty()) {
    return std::ranges::find(declared.values, value) != declared.values.end() ? value : kOther;
  }
  auto& seen = seen_[label];
  if (seen.find(value) != seen.end()) {
    return value;
  }
  if (seen.size() >= declared.max_values) {
    return kOther;
  }
  seen.emplace(value);
  return value;
}

std::vector<std::string> FamilyBase::admit_all(std::span<const std::string_view> values) {
  std::vector<std::string> out;
  out.reserve(description_.labels.size());
  for (std::size_t i = 0; i < description_.labels.size(); ++i) {
    out.emplace_back(i < values.size() ? admit(i, values[i]) : std::string_view{});
  }
  return out;
}

FamilyBase::Child& FamilyBase::child(std::span<const std::string_view> values) {
  {
    const std::shared_lock lock{mutex_};
    if (const auto found = children_.find(values); found != children_.end()) {
      return *found->second;
    }
  }
  const std::unique_lock lock{mutex_};
  std::vector<std::string> admitted = admit_all(values);
  std::unique_ptr<Child>& place = children_[std::move(admitted)];
  if (!place) {
    place = std::make_unique<Child>(kind_, description_.buckets);
  }
  return *place;
}

void* find_child(FamilyBase& family, std::span<const std::string_view> values) {
  return family.child(values).metric();
}

}  // namespace detail

CallbackHandle::CallbackHandle(CallbackHandle&& other) noexcept
    : registry_{std::exchange(other.registry_, nullptr)}, id_{other.id_} {}

CallbackHandle& CallbackHandle::operator=(CallbackHandle&& other) noexcept {
  std::swap(registry_, other.registry_);
  std::swap(id_, other.id_);
  return *this;
}

CallbackHandle::~CallbackHandle() {
  if (registry_ != nullptr) {
    registry_->remove_callback(id_);
  }
}

struct Registry::State {
  mutable std::mutex mutex;
  std::map<std::string, std::unique_ptr<detail::FamilyBase>> families;
  /// Held during a scrape's calls, so that a callback is not called once its handle has gone.
  mutable std::mutex callbacks_mutex;
  std::map<std::uint64_t, std::pair<detail::FamilyBase*, std::function<std::vector<Sample>()>>> callbacks;
  std::uint64_t last_id = 0;

  detail::FamilyBase& declare(Description description, Kind kind) {
    if (kind == Kind::kHistogram && description.buckets.empty()) {
      description.buckets.assign(kDefaultBuckets.begin(), kDefaultBuckets.end());
    }
    check(description, kind);
    const std::lock_guard lock{mutex};
    std::unique_ptr<detail::FamilyBase>& family = families[description.name];
    if (!family) {
      family = std::make_unique<detail::FamilyBase>(std::move(description), kind);
    } else if (!family->same_as(description, kind)) {
      throw std::logic_error{
          fmt::format("The metric {} is declared twice, and differently", description.name)};
    }
    return *family;
  }
};

Registry::Registry() : state_{std::make_unique<State>()} {}
Registry::~Registry() = default;

Family<Counter> Registry::counters(Description description) {
  return Family<Counter>{state_->declare(std::move(description), Kind::kCounter)};
}

Family<Gauge> Registry::gauges(Description description) {
  return Family<Gauge>{state_->declare(std::move(description), Kind::kGauge)};
}

Family<Histogram> Registry::histograms(Description description) {
  return Family<Histogram>{state_->declare(std::move(description), Kind::kHistogram)};
}

Counter& Registry::counter(std::string name, std::string help, double scale) {
  return counters({.name = std::move(name), .help = std::move(help), .scale = scale}).at({});
}

Gauge& Registry::gauge(std::string name, std::string help, double scale) {
  return gauges({.name = std::move(name), .help = std::move(help), .scale = scale}).at({});
}

Histogram& Registry::histogram(std::string name, std::string help, std::vector<double> buckets) {
  return histograms({.name = std::move(name), .help = std::move(help), .buckets = std::move(buckets)}).at({});
}

CallbackHandle Registry::on_scrape(Description description, Kind kind,
                                   std::function<std::vector<Sample>()> read) {
  if (kind == Kind::kHistogram) {
    throw std::logic_error{fmt::format("A callback cannot report the histogram {}", description.name)};
  }
  detail::FamilyBase& family = state_->declare(std::move(description), kind);
  const std::lock_guard lock{state_->callbacks_mutex};
  const std::uint64_t id = ++state_->last_id;
  state_->callbacks.emplace(id, std::pair{&family, std::move(read)});
  return CallbackHandle{*this, id};
}

CallbackHandle Registry::on_scrape(std::string name, std::string help, std::function<double()> read) {
  return on_scrape(
      {.name = std::move(name), .help = std::move(help)}, Kind::kGauge,
      [read = std::move(read)] { return std::vector<Sample>{{.label_values = {}, .value = read()}}; });
}

void Registry::remove_callback(std::uint64_t id) noexcept {
  const std::lock_guard lock{state_->callbacks_mutex};
  state_->callbacks.erase(id);
}

std::string Registry::expose() const {
  std::map<const detail::FamilyBase*, std::map<std::vector<std::string>, double>> reported;
  {
    const std::lock_guard lock{state_->callbacks_mutex};
    for (const auto& [id, callback] : state_->callbacks) {
      for (const Sample& sample : callback.second()) {
        const std::vector<std::string_view> values{sample.label_values.begin(), sample.label_values.end()};
        reported[callback.first][callback.first->admit_locked(values)] += sample.value;
      }
    }
  }
  std::string out;
  const std::lock_guard lock{state_->mutex};
  for (const auto& [name, family] : state_->families) {
    family->expose(out, reported[family.get()]);
  }
  return out;
}

std::vector<Description> Registry::families() const {
  std::vector<Description> out;
  const std::lock_guard lock{state_->mutex};
  for (const auto& [name, family] : state_->families) {
    out.push_back(family->description());
  }
  return out;
}

}  // namespace lares::metrics
