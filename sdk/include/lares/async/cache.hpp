// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/log_context.hpp>
#include <lares/async/promise.hpp>
#include <lares/async/runtime.hpp>
#include <lares/async/task_group.hpp>
#include <lares/base/export.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lares {

struct CacheOptions {
  /// Label of the cache's metrics (`synapse_util_caches_cache*`), out of a small set.
  std::string name{};
  /// Which of several servers in the process it belongs to.
  std::string server_name{};
  /// What the weights of the entries may add up to; entries, when nothing weighs them. An administrator may
  /// make it smaller or larger (CacheSettings).
  std::size_t max_size = 1000;
  /// Whether what is let go could not be loaded again: then it is not let go for being unused, and
  /// `max_size` is the owner's alone.
  bool record = false;
};

/// A cache that is made with this bound or more is split into kCacheShards.
inline constexpr std::size_t kLargeCache = 4096;
/// How many shards a large cache has, each with a lock of its own and an equal share of the bound.
inline constexpr std::size_t kCacheShards = 16;

namespace detail {
struct CacheCounters {
  std::atomic<std::uint64_t> hits{0};
  std::atomic<std::uint64_t> misses{0};
  std::atomic<std::uint64_t> evicted_for_size{0};
  std::atomic<std::uint64_t> evicted_for_time{0};
  std::atomic<std::uint64_t> invalidated{0};
  std::atomic<std::int64_t> size{0};
  std::atomic<std::int64_t> pending{0};
  std::atomic<std::size_t> max_size{0};
  /// The server's step of time (ServerCaches::step).
  std::atomic<std::uint32_t> step{0};
};

/// What a server's settings do to one of its caches.
struct CacheLevers {
  std::function<void(std::size_t max_size)> resize;
  /// Lets go some of what was last used before the step; whether there may be more.
  std::function<bool(std::uint32_t step)> expire;
};

/// Gives a cache its bound, keeps it under its server's settings, and shows its counters as metrics, while it
/// lives.
class LARES_EXPORT CacheMembership {
 public:
  CacheMembership(Runtime& runtime, CacheOptions options, CacheCounters& counters, CacheLevers levers);
  CacheMembership(const CacheMembership&) = delete;
  CacheMembership& operator=(const CacheMembership&) = delete;
  ~CacheMembership();

 private:
  struct State;
  std::unique_ptr<State> state_;
};
}  // namespace detail

/// What was loaded, kept while there is room: the least recently used goes first. A key that is missing is
/// loaded once for all who ask (the first caller's context is charged). A load that an invalidation overtakes
/// is given to those who already wait for it, and not kept; who asks after the invalidation gets a new load.
///
/// Values are copied out, so they are small or a std::shared_ptr<const T>.
///
/// **Threads** any. **Lifetime** until the group, which owns the loads, has been joined.
template <class Key, class Value, class Hash = std::hash<Key>>
class Cache {
 public:
  using Weigh = std::function<std::size_t(const Key&, const Value&)>;

  Cache(TaskGroup& group, CacheOptions options, Weigh weigh = {})
      : group_{&group},
        weigh_{std::move(weigh)},
        shards_(options.max_size >= kLargeCache ? kCacheShards : 1),
        membership_{group.runtime(),
                    std::move(options),
                    counters_,
                    {[this](std::size_t max_size) { set_max_size(max_size); },
                     [this](std::uint32_t step) { return expire(step); }}} {}
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  /// What is there, without loading; counts as a hit or a miss.
  [[nodiscard]] std::optional<Value> peek(const Key& key) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock{shard.mutex};
    return look(shard, key);
  }

  /// What is there, or what `load(key)`, a Task<Value>, gives. **Errors** those of the load, to everyone who
  /// waits for it; nothing is kept then. **Cancellation** ends the caller's wait, not the load.
  template <class Load>
  [[nodiscard]] Task<Value> get(Key key, Load load) {
    Future<Value> future;
    std::optional<Promise<Value>> mine;
    std::uint64_t flight = 0;
    {
      Shard& shard = shard_of(key);
      const std::lock_guard lock{shard.mutex};
      if (std::optional<Value> found = look(shard, key)) {
        co_return std::move(*found);
      }
      if (const auto flying = shard.flights.find(key); flying != shard.flights.end()) {
        future = flying->second.future;
      } else {
        mine.emplace();
        future = mine->future();
        flight = ++shard.last_flight;
        shard.flights.emplace(key, Flight{future, flight});
        counters_.pending.fetch_add(1, std::memory_order_relaxed);
      }
    }
    if (mine) {
      spawn(*group_, current_context().child(),
            fly(this, std::move(key), std::move(load), std::move(*mine), flight));
    }
    co_return co_await future.get();
  }

  /// Keeps a value that its writer knows to be the newest; overtakes a load under way.
  void put(Key key, Value value) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock{shard.mutex};
    shard.flights.erase(key);
    keep(shard, std::move(key), std::move(value));
  }

  void invalidate(const Key& key) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock{shard.mutex};
    shard.flights.erase(key);
    if (const auto found = shard.entries.find(key); found != shard.entries.end()) {
      drop(shard, found, counters_.invalidated);
    }
  }

  /// Drops every entry that `stale(key, value)` says is; loads under way are overtaken. Looks at all of them.
  template <class Stale>
  void invalidate_if(Stale stale) {
    for (Shard& shard : shards_) {
      const std::lock_guard lock{shard.mutex};
      shard.flights.clear();
      for (Item* item = shard.newest; item != nullptr;) {
        Item* const older = item->second.older;
        if (stale(item->first, item->second.value)) {
          drop(shard, shard.entries.find(item->first), counters_.invalidated);
        }
        item = older;
      }
    }
  }

  void invalidate_all() {
    for (Shard& shard : shards_) {
      const std::lock_guard lock{shard.mutex};
      shard.flights.clear();
      while (shard.newest != nullptr) {
        drop(shard, shard.entries.find(shard.newest->first), counters_.invalidated);
      }
    }
  }

  /// Changes the bound while running; what is beyond it goes at once.
  void set_max_size(std::size_t max_size) {
    counters_.max_size.store(max_size, std::memory_order_relaxed);
    for (Shard& shard : shards_) {
      const std::lock_guard lock{shard.mutex};
      shrink(shard);
    }
  }

  /// Lets go some of the entries that were last used before the step; whether there may be more.
  bool expire(std::uint32_t step) {
    bool more = false;
    for (Shard& shard : shards_) {
      const std::lock_guard lock{shard.mutex};
      std::size_t left = kExpiredAtOnce;
      while (left > 0 && shard.oldest != nullptr && shard.oldest->second.used < step) {
        drop(shard, shard.entries.find(shard.oldest->first), counters_.evicted_for_time);
        --left;
      }
      more = more || left == 0;
    }
    return more;
  }

  /// The sum of the weights.
  [[nodiscard]] std::size_t size() const noexcept {
    return static_cast<std::size_t>(counters_.size.load(std::memory_order_relaxed));
  }
  [[nodiscard]] const detail::CacheCounters& counters() const noexcept { return counters_; }

 private:
  static constexpr std::size_t kExpiredAtOnce = 64;

  struct Entry;
  using Entries = std::unordered_map<Key, Entry, Hash>;
  using Item = std::pair<const Key, Entry>;
  struct Entry {
    Value value;
    std::size_t weight = 1;
    std::uint32_t used = 0;
    Item* newer = nullptr;
    Item* older = nullptr;
  };
  struct Flight {
    Future<Value> future;
    std::uint64_t number;
  };
  struct alignas(64) Shard {
    std::mutex mutex;
    Entries entries;
    std::unordered_map<Key, Flight, Hash> flights;
    std::uint64_t last_flight = 0;
    std::size_t size = 0;
    Item* newest = nullptr;
    Item* oldest = nullptr;
  };

  Shard& shard_of(const Key& key) {
    // The map takes the low bits of the hash; standard hashes of integers have nothing else.
    const std::size_t mixed = Hash{}(key)*std::size_t{0x9E3779B97F4A7C15U};
    return shards_[shards_.size() == 1 ? 0 : mixed >> 60U];
  }

  static void unlink(Shard& shard, Item& item) noexcept {
    (item.second.newer != nullptr ? item.second.newer->second.older : shard.newest) = item.second.older;
    (item.second.older != nullptr ? item.second.older->second.newer : shard.oldest) = item.second.newer;
  }
  static void link_newest(Shard& shard, Item& item) noexcept {
    item.second.newer = nullptr;
    item.second.older = shard.newest;
    (shard.newest != nullptr ? shard.newest->second.newer : shard.oldest) = &item;
    shard.newest = &item;
  }

  void drop(Shard& shard, typename Entries::iterator at, std::atomic<std::uint64_t>& reason) {
    unlink(shard, *at);
    shard.size -= at->second.weight;
    counters_.size.fetch_sub(static_cast<std::int64_t>(at->second.weight), std::memory_order_relaxed);
    reason.fetch_add(1, std::memory_order_relaxed);
    shard.entries.erase(at);
  }

  void shrink(Shard& shard) {
    const std::size_t limit = counters_.max_size.load(std::memory_order_relaxed) / shards_.size();
    while (shard.size > limit && shard.oldest != nullptr) {
      drop(shard, shard.entries.find(shard.oldest->first), counters_.evicted_for_size);
    }
  }

  std::optional<Value> look(Shard& shard, const Key& key) {
    const auto found = shard.entries.find(key);
    if (found == shard.entries.end()) {
      counters_.misses.fetch_add(1, std::memory_order_relaxed);
      return std::nullopt;
    }
    counters_.hits.fetch_add(1, std::memory_order_relaxed);
    found->second.used = counters_.step.load(std::memory_order_relaxed);
    if (shard.newest != &*found) {
      unlink(shard, *found);
      link_newest(shard, *found);
    }
    return found->second.value;
  }

  void keep(Shard& shard, Key key, Value value) {
    const std::size_t weight = weigh_ ? weigh_(key, value) : 1;
    auto at = shard.entries.find(key);
    if (at == shard.entries.end()) {
      at = shard.entries.try_emplace(std::move(key), Entry{std::move(value)}).first;
      link_newest(shard, *at);
    } else {
      at->second.value = std::move(value);
      shard.size -= at->second.weight;
      counters_.size.fetch_sub(static_cast<std::int64_t>(at->second.weight), std::memory_order_relaxed);
      unlink(shard, *at);
      link_newest(shard, *at);
    }
    at->second.weight = weight;
    at->second.used = counters_.step.load(std::memory_order_relaxed);
    shard.size += weight;
    counters_.size.fetch_add(static_cast<std::int64_t>(weight), std::memory_order_relaxed);
    shrink(shard);
  }

  /// Counts a load as ended, and makes room for the next, when its frame goes, also when that is before it
  /// ever ran.
  struct Landing {
    Landing(Cache* owner, const Key& flown, std::uint64_t flight) : self{owner}, key{flown}, number{flight} {}
    Landing(const Landing&) = delete;
    Landing& operator=(const Landing&) = delete;
    ~Landing() { land(nullptr); }
    void land(const Value* value) {
      if (self == nullptr) {
        return;
      }
      Shard& shard = self->shard_of(key);
      const std::lock_guard lock{shard.mutex};
      self->counters_.pending.fetch_sub(1, std::memory_order_relaxed);
      const auto flying = shard.flights.find(key);
      if (flying != shard.flights.end() && flying->second.number == number) {
        shard.flights.erase(flying);
        if (value != nullptr) {
          self->keep(shard, key, *value);
        }
      }
      self = nullptr;
    }
    Cache* self;
    const Key& key;
    std::uint64_t number;
  };

  template <class Load>
  static Task<void> fly(Cache* self, Key key, Load load, Promise<Value> promise, std::uint64_t flight) {
    Landing landing{self, key, flight};
    try {
      Value value = co_await load(key);
      landing.land(&value);
      promise.set(std::move(value));
    } catch (...) {
      landing.land(nullptr);
      promise.fail(std::current_exception());
    }
  }

  TaskGroup* group_;
  Weigh weigh_;
  std::vector<Shard> shards_;
  detail::CacheCounters counters_;
  // Last, since others may call from its construction on.
  detail::CacheMembership membership_;
};

}  // namespace lares
