// SPDX-License-Identifier: Apache-2.0
#include <http/rate_limits.hpp>

#include <lares/async/runtime.hpp>
#include <lares/plugin/declarations.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <unordered_map>

#include <sodium.h>

namespace lares::http {

namespace {

struct Default {
  const char* key;
  const char* per_second;
  const char* burst;
  const char* meaning;
};

// Those that nothing asks for yet are not declared, so that who sets one is told that it has no effect.
constexpr Default kDefaults[] = {
    {"rc_message", "0.2", "10", "sending of messages and other events, per user"},
    {"rc_registration", "0.17", "3",
     "accounts that are registered, per address; apart from them and by the same rate names that are asked "
     "for, and dialogues that are begun, two for one"},
    {"rc_registration_token_validity", "0.1", "5", "checks of registration tokens, per address"},
    {"rc_login.address", "0.003", "5", "logins, per address"},
    {"rc_login.account", "0.003", "5", "logins, per account"},
    {"rc_login.failed_attempts", "0.17", "3", "failed logins, per account"},
    {"rc_admin_redaction", "0.2", "10",
     "redactions of what others have sent, per user; where it is not given, rc_message holds for these too"},
    {"rc_joins.local", "0.1", "10", "joins of rooms that this server is in, per user"},
    {"rc_joins_per_room", "1", "10", "joins, per room"},
    {"rc_invites.per_room", "0.3", "10", "invitations, per room"},
    {"rc_invites.per_user", "0.003", "5", "invitations, per invited user"},
    {"rc_invites.per_issuer", "0.3", "10", "invitations, per inviting user"},
    {"rc_presence.per_user", "0.1", "1", "changes of presence, per user"},
    {"rc_room_creation", "0.016", "10", "creation of rooms, per user"},
    {"rc_key_requests", "20", "100", "requests for room keys by to-device messages, per user"},
};

}  // namespace

struct alignas(64) BucketLimiter::Shard {
  std::mutex mutex;
  /// By the key's hash, when its bucket is full again: milliseconds of the steady clock.
  std::unordered_map<std::uint64_t, double> full_at;
};

BucketLimiter::BucketLimiter(Runtime& runtime, std::uint64_t seed)
    : runtime_(runtime), seed_(seed), shards_(std::make_unique<Shard[]>(kShards)) {}

BucketLimiter::~BucketLimiter() = default;

void BucketLimiter::set(double per_second, double burst, bool enabled) noexcept {
  const double ms = per_second > 0 ? 1000.0 / per_second : std::numeric_limits<double>::max();
  ms_per_action_.store(ms, std::memory_order_relaxed);
  burst_ms_.store(std::max(burst, 1.0) * ms, std::memory_order_relaxed);
  enabled_.store(enabled, std::memory_order_relaxed);
}

std::size_t BucketLimiter::keys() const noexcept {
  std::size_t count = 0;
  for (std::size_t at = 0; at < kShards; ++at) {
    const std::lock_guard lock(shards_[at].mutex);
    count += shards_[at].full_at.size();
  }
  return count;
}

std::optional<std::chrono::milliseconds> BucketLimiter::ask(std::string_view key, double count,
                                                            bool take) const noexcept try {
  if (!enabled_.load(std::memory_order_relaxed)) {
    return std::nullopt;
  }
  std::array<unsigned char, crypto_shorthash_KEYBYTES> secret{};
  std::memcpy(secret.data(), &seed_, sizeof seed_);
  std::uint64_t hash = 0;
  static_assert(sizeof hash == crypto_shorthash_BYTES);
  crypto_shorthash(reinterpret_cast<unsigned char*>(&hash),
                   reinterpret_cast<const unsigned char*>(key.data()), key.size(), secret.data());

  const double now =
      std::chrono::duration<double, std::milli>(runtime_.steady_now().time_since_epoch()).count();
  const double cost = count * ms_per_action_.load(std::memory_order_relaxed);
  const double burst = burst_ms_.load(std::memory_order_relaxed);
  Shard& shard = shards_[hash % kShards];
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.full_at.find(hash);
  const double full_at = found == shard.full_at.end() ? now : std::max(found->second, now);
  const double wait = full_at + cost - now - burst;
  // Rounding must not refuse what exactly fills the bucket.
  if (wait > 0.001) {
    rejected_.fetch_add(1, std::memory_order_relaxed);
    constexpr double kLongest = 365.0 * 24 * 3600 * 1000;
    return std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(std::min(wait, kLongest))));
  }
  if (!take) {
    return std::nullopt;
  }
  if (found != shard.full_at.end()) {
    found->second = full_at + cost;
    return std::nullopt;
  }
  if (shard.full_at.size() >= kMaxKeys / kShards) {
    std::erase_if(shard.full_at, [now](const auto& entry) { return entry.second <= now; });
    if (shard.full_at.size() >= kMaxKeys / kShards) {
      // The half that is furthest from its limit goes: it loses least by being forgotten.
      std::vector<double> times;
      times.reserve(shard.full_at.size());
      for (const auto& entry : shard.full_at) {
        times.push_back(entry.second);
      }
      const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
      std::nth_element(times.begin(), middle, times.end());
      std::erase_if(shard.full_at, [median = *middle](const auto& entry) { return entry.second <= median; });
    }
  }
  shard.full_at.emplace(hash, full_at + cost);
  return std::nullopt;
} catch (const std::bad_alloc&) {
  return std::chrono::milliseconds(1000);
}

std::optional<std::chrono::milliseconds> BucketLimiter::try_take(std::string_view key,
                                                                 double count) noexcept {
  return ask(key, count, true);
}

std::optional<std::chrono::milliseconds> BucketLimiter::peek(std::string_view key,
                                                             double count) const noexcept {
  return ask(key, count, false);
}

RateLimits::RateLimits(Runtime& runtime, const Config& config, const std::string& server_name) {
  std::uint64_t seed = 0;
  runtime.random_bytes({reinterpret_cast<std::uint8_t*>(&seed), sizeof seed});
  for (const Default& entry : kDefaults) {
    entries_.push_back({entry.key, 0, 0, std::make_unique<BucketLimiter>(runtime, seed++)});
  }
  ReloadReport ignored;
  reload(config, ignored);
  show(runtime.metrics(), server_name);
}

void RateLimits::show(metrics::Registry& registry, const std::string& server_name) {
  std::vector<std::string> keys;
  for (const Default& entry : kDefaults) {
    keys.emplace_back(entry.key);
  }
  const auto family = [&](const char* name, const char* help, metrics::Kind kind, auto read) {
    callbacks_.push_back(registry.on_scrape(
        {.name = name,
         .help = help,
         .labels = {metrics::Label::server_name(), metrics::Label::closed("rate_limiter_name", keys)}},
        kind, [this, server_name, read] {
          std::vector<metrics::Sample> samples;
          for (const Entry& entry : entries_) {
            samples.push_back({.label_values = {server_name, entry.key},
                               .value = static_cast<double>(read(*entry.limiter))});
          }
          return samples;
        }));
  };
  family("synapse_rate_limit_reject", "Times that a limit refused.", metrics::Kind::kCounter,
         [](const BucketLimiter& limiter) { return limiter.rejected(); });
  family("synapse_rate_limit_reject_affected_hosts",
         "Users, addresses or rooms of which a limit remembers that they are below their full allowance.",
         metrics::Kind::kGauge, [](const BucketLimiter& limiter) { return limiter.keys(); });
}

RateLimits::~RateLimits() = default;

service::Limiter& RateLimits::limiter(std::string_view config_key) {
  for (Entry& entry : entries_) {
    if (entry.key == config_key) {
      return *entry.limiter;
    }
  }
  throw std::logic_error(fmt::format("There is no rate limit '{}'.", config_key));
}

void RateLimits::reload(const Config& config, ReloadReport& report) {
  const bool enabled = config.boolean("rate_limits");
  if (enabled != enabled_) {
    report.changed.emplace_back("rate_limits");
    enabled_ = enabled;
  }
  for (Entry& entry : entries_) {
    const double per_second = config.number(entry.key + ".per_second");
    const double burst = config.number(entry.key + ".burst_count");
    if (per_second != entry.per_second) {
      report.changed.push_back(entry.key + ".per_second");
    }
    if (burst != entry.burst) {
      report.changed.push_back(entry.key + ".burst_count");
    }
    entry.per_second = per_second;
    entry.burst = burst;
    entry.limiter->set(per_second, burst, enabled);
  }
}

void RateLimits::declare(Declarations& declarations) {
  declarations.config(
      {.path = "rate_limits",
       .type = ConfigType::Bool,
       .default_value = "true",
       .meaning = "Whether the rc_ rate limits are in force; off for tests and benchmarks only.",
       .reload = Reload::Live});
  for (const Default& entry : kDefaults) {
    const std::string key = entry.key;
    const bool messages = key == "rc_message";
    using Names = std::vector<std::string>;
    declarations.config(
        {.path = key + ".per_second",
         .type = ConfigType::Number,
         .default_value = entry.per_second,
         .meaning = fmt::format("How many a second are admitted in the long run: {}. Counted per process.",
                                entry.meaning),
         .reload = Reload::Live,
         .minimum = 0,
         .aliases = messages ? Names{"rc_messages_per_second"} : Names{}});
    declarations.config(
        {.path = key + ".burst_count",
         .type = ConfigType::Number,
         .default_value = entry.burst,
         .meaning = fmt::format("How many are admitted at once before the rate counts: {}.", entry.meaning),
         .reload = Reload::Live,
         .minimum = 1,
         .aliases = messages ? Names{"rc_message_burst_count"} : Names{}});
  }
}

}  // namespace lares::http
