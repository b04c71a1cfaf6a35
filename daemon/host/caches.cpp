// SPDX-License-Identifier: Apache-2.0
#include <host/caches.hpp>

#include <lares/async/cache.hpp>
#include <lares/async/runtime.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace lares::host {
namespace {

// Entries go once they have been unused for between so many steps and one more.
constexpr std::uint32_t kSteps = 8;
constexpr std::chrono::milliseconds kShortestStep{100};
// More than a process lives.
constexpr std::chrono::hours kLongestStep{24 * 365};

// The cache of events counts bytes: what it may hold at the usual factor for each event of event_cache_size.
constexpr std::size_t kBytesPerTenEvents = 20 * 1024;
// Each shard of the cache has room for one event at least, or the whole would keep nothing.
constexpr double kFewestEvents = kCacheShards;
constexpr double kMostEvents = 1U << 30U;

CacheSettings settings_of(const Config& config) {
  CacheSettings settings;
  settings.factor = config.number("caches.global_factor");
  for (const auto& [name, factor] : config.get("caches.per_cache_factors").items()) {
    settings.factors.insert_or_assign(CacheSettings::canonical(name), factor.get<double>());
  }
  const double times = settings.times("getevent");
  std::size_t events = config.size("event_cache_size");
  if (events != 0 && times > 0) {
    events = std::max(events, static_cast<std::size_t>(std::min(kFewestEvents / times, kMostEvents)));
  }
  settings.bounds.emplace("getevent", events * kBytesPerTenEvents / 10);
  return settings;
}

}  // namespace

Caches::Caches(Server& server)
    : server_(server),
      caches_(server.runtime(), server.name(), settings_of(*server.config())),
      tasks_(server.runtime(), "caches") {}

void Caches::declare(Declarations& declarations) {
  declarations.config(
      {.path = "caches.global_factor",
       .type = ConfigType::Number,
       .default_value = "0.5",
       .meaning = "How large caches are: twice the factor is twice the memory, and 0 keeps nothing.",
       .reload = Reload::Live,
       .minimum = 0,
       .maximum = 1000});
  declarations.config({.path = "caches.per_cache_factors",
                       .type = ConfigType::Map,
                       .default_value = "{}",
                       .meaning = "Factors of single caches in place of global_factor, by the name that the "
                                  "metric synapse_util_caches_cache_max_size has for them.",
                       .reload = Reload::Live});
  declarations.config({.path = "caches.per_cache_factors.*",
                       .type = ConfigType::Number,
                       .default_value = "0.5",
                       .meaning = "The factor of this cache.",
                       .minimum = 0,
                       .maximum = 1000});
  declarations.config({.path = "caches.expire_caches",
                       .type = ConfigType::Bool,
                       .default_value = "true",
                       .meaning = "Whether what nobody asks for leaves its cache after cache_entry_ttl.",
                       .reload = Reload::Live});
  declarations.config({.path = "caches.cache_entry_ttl",
                       .type = ConfigType::Duration,
                       .default_value = "30m",
                       .meaning = "How long something stays in a cache that nobody asks for.",
                       .reload = Reload::Live,
                       .minimum = 1000});
  declarations.config(
      {.path = "event_cache_size",
       .type = ConfigType::Size,
       .default_value = "10K",
       .meaning =
           "How many events the cache of events (getEvent) holds at the factor 0.5, "
           "each counted as 2 KB of memory. 0 keeps none, and what comes to fewer than 16 counts as 16.",
       .reload = Reload::Live,
       .minimum = 0,
       .maximum = std::int64_t{1} << 30U});
}

void Caches::start() {
  warn_of_unknown(*server_.config());
  spawn(tasks_, Background{"LruCache._expire_old_entries", server_.name()}, expire());
}

void Caches::reload(const Config& config) {
  caches_.apply(settings_of(config));
  changed_.notify();
  warn_of_unknown(config);
}

void Caches::warn_of_unknown(const Config& config) const {
  std::vector<std::string> known;
  for (const std::string& name : caches_.names()) {
    known.push_back(CacheSettings::canonical(name));
  }
  for (const auto& [name, factor] : config.get("caches.per_cache_factors").items()) {
    if (std::ranges::find(known, CacheSettings::canonical(name)) == known.end()) {
      log_.warning(
          "caches.per_cache_factors.{} has no effect: this process has no cache of that name. Those it has: "
          "{}.",
          name, fmt::join(caches_.names(), ", "));
    }
  }
}

Task<void> Caches::expire() {
  while (!tasks_.cancelled()) {
    const std::uint64_t seen = changed_.version();
    const std::chrono::milliseconds ttl = server_.config()->duration("caches.cache_entry_ttl");
    const SteadyTime now = server_.runtime().steady_now();
    const auto step = std::max<std::chrono::milliseconds>(ttl / kSteps, kShortestStep);
    const SteadyTime end = step < kLongestStep ? now + step : SteadyTime::max();
    if (co_await changed_.wait_beyond(seen, end) == Wake::kNotified) {
      continue;
    }
    caches_.step();
    if (!server_.config()->boolean("caches.expire_caches")) {
      continue;
    }
    while (caches_.expire(kSteps)) {
      co_await server_.runtime().sleep_for(std::chrono::nanoseconds{0});
    }
  }
}

}  // namespace lares::host
