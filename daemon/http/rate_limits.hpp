// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/metrics.hpp>
#include <lares/plugin/config.hpp>
#include <lares/plugin/plugin.hpp>
#include <lares/service/rate_limiter.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lares {
class Declarations;
class Runtime;
}  // namespace lares

namespace lares::http {

/// One limit, as the generic cell rate algorithm: of a key nothing is kept but the moment at which its bucket
/// will be full again, so an entry is forgotten as soon as that has passed.
///
/// **Threads**: any.
class BucketLimiter final : public service::Limiter {
 public:
  /// The most keys that are kept.
  static constexpr std::size_t kMaxKeys = 200'000;

  BucketLimiter(Runtime& runtime, std::uint64_t seed);
  ~BucketLimiter() override;

  [[nodiscard]] std::optional<std::chrono::milliseconds> try_take(std::string_view key,
                                                                  double count) noexcept override;
  [[nodiscard]] std::optional<std::chrono::milliseconds> peek(std::string_view key,
                                                              double count) const noexcept override;

  /// A rate of zero or less admits nothing once the burst is used up.
  void set(double per_second, double burst, bool enabled) noexcept;
  [[nodiscard]] std::size_t keys() const noexcept;
  /// How often it has refused.
  [[nodiscard]] std::uint64_t rejected() const noexcept { return rejected_.load(std::memory_order_relaxed); }

 private:
  struct Shard;
  static constexpr std::size_t kShards = 16;

  std::optional<std::chrono::milliseconds> ask(std::string_view key, double count, bool take) const noexcept;

  Runtime& runtime_;
  std::uint64_t seed_;
  std::atomic<double> ms_per_action_{0};
  std::atomic<double> burst_ms_{0};
  std::atomic<bool> enabled_{false};
  mutable std::atomic<std::uint64_t> rejected_{0};
  std::unique_ptr<Shard[]> shards_;
};

/// All `rc_*` limits of a server.
class RateLimits final : public service::RateLimiter {
 public:
  RateLimits(Runtime& runtime, const Config& config, const std::string& server_name);
  ~RateLimits() override;

  [[nodiscard]] service::Limiter& limiter(std::string_view config_key) override;
  /// Takes over new rates; adds to the report what has changed.
  void reload(const Config& config, ReloadReport& report);

  static void declare(Declarations& declarations);

 private:
  struct Entry {
    std::string key;
    double per_second = 0;
    double burst = 0;
    std::unique_ptr<BucketLimiter> limiter;
  };

  void show(metrics::Registry& registry, const std::string& server_name);

  std::vector<Entry> entries_;
  bool enabled_ = true;
  std::vector<metrics::CallbackHandle> callbacks_;
};

}  // namespace lares::http
