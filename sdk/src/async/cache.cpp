// SPDX-License-Identifier: Apache-2.0
#include <lares/async/cache.hpp>

#include <lares/async/cache_settings.hpp>
#include <lares/base/metrics.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace lares {

namespace {

constexpr std::size_t kMaxCaches = 256;
constexpr auto kRelaxed = std::memory_order_relaxed;

/// One cache, as its server's settings see it.
struct Member {
  std::string name;
  std::size_t own_bound = 0;
  bool record = false;
  detail::CacheCounters& counters;
  detail::CacheLevers levers;
};

/// The caches of one server in one runtime, and what holds for them.
struct Group {
  std::optional<CacheSettings> settings;
  std::uint32_t step = 1;
  std::vector<Member*> members;

  void size(Member& member) const {
    if (!member.record && settings) {
      member.levers.resize(settings->bound(member.name, member.own_bound));
    }
  }
};

/// Who asks for a cache has the name of its server and no more, so the groups are found by it.
struct Groups {
  using Key = std::pair<const Runtime*, std::string>;

  std::mutex mutex;
  std::map<Key, Group> all;

  /// With the mutex held.
  void forget_if_empty(const Key& key) {
    const auto found = all.find(key);
    if (found != all.end() && !found->second.settings && found->second.members.empty()) {
      all.erase(found);
    }
  }
};

Groups& groups() {
  static Groups* const all = new Groups;
  return *all;
}

}  // namespace

std::string CacheSettings::canonical(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') {
      out += static_cast<char>(c - 'A' + 'a');
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_') {
      out += c;
    }
  }
  return out;
}

double CacheSettings::times(std::string_view canonical_name) const {
  const auto found = factors.find(canonical_name);
  return (found == factors.end() ? factor : found->second) / kUsualFactor;
}

std::size_t CacheSettings::bound(std::string_view name, std::size_t own) const {
  const std::string called = canonical(name);
  const std::size_t made_with = own;
  if (const auto found = bounds.find(called); found != bounds.end()) {
    own = found->second;
  }
  constexpr double kMost = 1e15;
  const double bound = std::clamp(static_cast<double>(own) * times(called), 0.0, kMost);
  // A cache that shall keep something keeps one entry at least, and a large one an entry in each of its
  // shards.
  const std::size_t least = made_with >= kLargeCache ? kCacheShards : 1;
  return bound > 0 ? std::max(least, static_cast<std::size_t>(bound)) : 0;
}

ServerCaches::ServerCaches(Runtime& runtime, std::string server_name, CacheSettings settings)
    : runtime_{runtime}, server_name_{std::move(server_name)} {
  apply(std::move(settings));
}

ServerCaches::~ServerCaches() {
  const std::lock_guard lock{groups().mutex};
  const Groups::Key key{&runtime_, server_name_};
  groups().all[key].settings.reset();
  groups().forget_if_empty(key);
}

void ServerCaches::apply(CacheSettings settings) {
  const std::lock_guard lock{groups().mutex};
  Group& group = groups().all[{&runtime_, server_name_}];
  group.settings = std::move(settings);
  for (Member* member : group.members) {
    group.size(*member);
  }
}

void ServerCaches::step() {
  const std::lock_guard lock{groups().mutex};
  Group& group = groups().all[{&runtime_, server_name_}];
  ++group.step;
  for (Member* member : group.members) {
    member->counters.step.store(group.step, kRelaxed);
  }
}

bool ServerCaches::expire(std::uint32_t steps) {
  const std::lock_guard lock{groups().mutex};
  Group& group = groups().all[{&runtime_, server_name_}];
  bool more = false;
  for (Member* member : group.members) {
    if (!member->record && group.step > steps) {
      more = member->levers.expire(group.step - steps) || more;
    }
  }
  return more;
}

std::vector<std::string> ServerCaches::names() const {
  const std::lock_guard lock{groups().mutex};
  std::vector<std::string> names;
  for (const Member* member : groups().all[{&runtime_, server_name_}].members) {
    names.push_back(member->name);
  }
  std::ranges::sort(names);
  return names;
}

namespace detail {

struct CacheMembership::State {
  Groups::Key key;
  Member member;
  std::vector<metrics::CallbackHandle> callbacks;
};

CacheMembership::CacheMembership(Runtime& runtime, CacheOptions options, CacheCounters& counters,
                                 CacheLevers levers)
    : state_{std::make_unique<State>(Groups::Key{&runtime, options.server_name},
                                     Member{.name = options.name,
                                            .own_bound = options.max_size,
                                            .record = options.record,
                                            .counters = counters,
                                            .levers = std::move(levers)})} {
  counters.max_size.store(options.max_size, kRelaxed);
  {
    const std::lock_guard lock{groups().mutex};
    Group& group = groups().all[state_->key];
    group.members.push_back(&state_->member);
    group.size(state_->member);
    counters.step.store(group.step, kRelaxed);
  }
  const std::string& name = options.name;
  const std::string& server_name = options.server_name;
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

CacheMembership::~CacheMembership() {
  const std::lock_guard lock{groups().mutex};
  std::erase(groups().all[state_->key].members, &state_->member);
  groups().forget_if_empty(state_->key);
}

}  // namespace detail

}  // namespace lares
