// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/metrics.hpp>
#include <lares/base/strings.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace lares::metrics::detail {

/// What values beyond the declared ones count as.
inline constexpr std::string_view kOther = "other";

/// Orders label values as a whole, whether they are strings or views.
struct ValuesLess {
  using is_transparent = void;
  template <class A, class B>
  bool operator()(const A& a, const B& b) const noexcept {
    return std::ranges::lexicographical_compare(a, b,
                                                [](std::string_view x, std::string_view y) { return x < y; });
  }
};

/// The metrics of one name. **Threads** any.
class FamilyBase {
 public:
  class Child {
   public:
    Child(Kind kind, std::span<const double> buckets) {
      if (kind == Kind::kGauge) {
        metric_.emplace<Gauge>();
      } else if (kind == Kind::kHistogram) {
        metric_.emplace<Histogram>(buckets);
      }
    }
    [[nodiscard]] void* metric() noexcept {
      return std::visit([](auto& metric) -> void* { return &metric; }, metric_);
    }
    [[nodiscard]] const std::variant<Counter, Gauge, Histogram>& value() const noexcept { return metric_; }

   private:
    std::variant<Counter, Gauge, Histogram> metric_;
  };

  FamilyBase(Description description, Kind kind);

  [[nodiscard]] const Description& description() const noexcept { return description_; }
  [[nodiscard]] bool same_as(const Description& other, Kind kind) const;
  [[nodiscard]] Child& child(std::span<const std::string_view> values);
  /// The values as they are counted.
  [[nodiscard]] std::vector<std::string> admit_locked(std::span<const std::string_view> values) {
    const std::unique_lock lock{mutex_};
    return admit_all(values);
  }
  /// Appends the family in the text format, with what callbacks have reported.
  void expose(std::string& out, const std::map<std::vector<std::string>, double>& reported) const;

 private:
  [[nodiscard]] std::string_view admit(std::size_t label, std::string_view value);
  [[nodiscard]] std::vector<std::string> admit_all(std::span<const std::string_view> values);

  const Description description_;
  const Kind kind_;
  mutable std::shared_mutex mutex_;
  std::map<std::vector<std::string>, std::unique_ptr<Child>, ValuesLess> children_;
  std::vector<std::set<std::string, std::less<>>> seen_;
};

}  // namespace lares::metrics::detail
