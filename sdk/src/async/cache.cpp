// SPDX-License-Identifier: Apache-2.0
#include <lares/async/cache.hpp>

#include <lares/base/metrics.hpp>

#include <functional>

namespace lares::detail {

namespace {

constexpr std::size_t kMaxCaches = 256;
constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

struct CacheMetrics::State {
  std::vector<metrics::CallbackHandle> callbacks;
};

CacheMetrics::CacheMetrics(Runtime& runtime, std::string name, std::string server_name,
                           const CacheCounters& counters)
    : state_{std::make_unique<State>()} {
  const metrics::Label cache = metrics::Label::bounded("name", kMaxCaches);
  const auto show = [&](std::string family, std::string help, std::function<double()> read) {
    state_->callbacks.push_back(runtime.metrics().on_scrape(
        {.name = std::move(family),
         .help = std::move(help),
         .labels = {metrics::Label::server_name(), cache}},
        metrics::Kind::kGauge, [name, server_name, read = std::move(read)] {
          return std::vector<metrics::Sample>{{.label_values = {server_name, name}, .value = read()}};
        }));
  };
  const CacheCounters* const c = &counters;
  show("synapse_util_caches_cache", "Look-ups in the cache, hits and misses",
       [c] { return static_cast<double>(c->hits.load(kRelaxed) + c->misses.load(kRelaxed)); });
  show("synapse_util_caches_cache_hits", "Look-ups in the cache that found something",
       [c] { return static_cast<double>(c->hits.load(kRelaxed)); });
  show("synapse_util_caches_cache_size", "What the cache's entries weigh together",
       [c] { return static_cast<double>(c->size.load(kRelaxed)); });
  show("synapse_util_caches_cache_max_size", "What the cache's entries may weigh together",
       [c] { return static_cast<double>(c->max_size.load(kRelaxed)); });
  show("synapse_util_caches_cache_pending", "Loads under way",
       [c] { return static_cast<double>(c->pending.load(kRelaxed)); });
  state_->callbacks.push_back(runtime.metrics().on_scrape(
      {.name = "synapse_util_caches_cache_evicted_size",
       .help = "Entries that left the cache, by reason",
       .labels = {metrics::Label::server_name(), cache,
                  metrics::Label::closed("reason", {"size", "time", "invalidation"})}},
      metrics::Kind::kGauge, [name, server_name, c] {
        const auto sample = [&](const char* reason, const std::atomic<std::uint64_t>& count) {
          return metrics::Sample{.label_values = {server_name, name, reason},
                                 .value = static_cast<double>(count.load(kRelaxed))};
        };
        return std::vector<metrics::Sample>{sample("size", c->evicted_for_size),
                                            sample("time", c->evicted_for_time),
                                            sample("invalidation", c->invalidated)};
      }));
}

CacheMetrics::~CacheMetrics() = default;

}  // namespace lares::detail
