// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/cache.hpp>
#include <lares/storage/intern.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace lares::storage {

/// Texts and numbers of one kind, in both directions, each text kept once. A mapping never changes, so there
/// is nothing to invalidate and no load to be overtaken, which is why this is not a pair of `Cache`. When the
/// newer half is full it becomes the older one, and what was not asked for since goes.
///
/// **Threads**: any.
class InternCache {
 public:
  InternCache(Runtime& runtime, std::string name, std::string server_name, std::size_t entries)
      : half_{entries / 2 + 1},
        membership_{runtime,
                    {.name = std::move(name), .server_name = std::move(server_name), .max_size = entries},
                    counters_,
                    {[this](std::size_t max_size) { set_max_size(max_size); },
                     // What is not asked for goes with the older half.
                     [](std::uint32_t) { return false; }}} {}

  [[nodiscard]] std::optional<std::int64_t> number(std::string_view key) {
    const std::lock_guard lock{mutex_};
    if (const auto found = newer_.numbers.find(key); found != newer_.numbers.end()) {
      counters_.hits.fetch_add(1, std::memory_order_relaxed);
      return found->second;
    }
    if (const auto found = older_.numbers.find(key); found != older_.numbers.end()) {
      counters_.hits.fetch_add(1, std::memory_order_relaxed);
      return promote(found->second);
    }
    counters_.misses.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  }

  [[nodiscard]] std::optional<std::string> key(std::int64_t number) {
    const std::lock_guard lock{mutex_};
    if (const auto found = newer_.keys.find(number); found != newer_.keys.end()) {
      counters_.hits.fetch_add(1, std::memory_order_relaxed);
      return found->second;
    }
    if (older_.keys.contains(number)) {
      counters_.hits.fetch_add(1, std::memory_order_relaxed);
      promote(number);
      return newer_.keys.find(number)->second;
    }
    counters_.misses.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  }

  void put(std::string key, std::int64_t number) {
    const std::lock_guard lock{mutex_};
    if (newer_.keys.contains(number)) {
      return;
    }
    older_.remove(number);
    newer_.add(std::move(key), number);
    turn_over();
  }

  void set_max_size(std::size_t entries) {
    const std::lock_guard lock{mutex_};
    counters_.max_size.store(entries, std::memory_order_relaxed);
    half_ = entries / 2 + 1;
    turn_over();
  }

  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock{mutex_};
    return newer_.keys.size() + older_.keys.size();
  }

 private:
  // The views are of the strings in `keys`, whose nodes stand still.
  struct Half {
    std::unordered_map<std::int64_t, std::string> keys;
    std::unordered_map<std::string_view, std::int64_t> numbers;

    void add(std::string key, std::int64_t number) {
      const auto [at, fresh] = keys.emplace(number, std::move(key));
      if (fresh) {
        numbers.emplace(std::string_view{at->second}, number);
      }
    }
    void remove(std::int64_t number) {
      if (const auto found = keys.find(number); found != keys.end()) {
        numbers.erase(found->second);
        keys.erase(found);
      }
    }
  };

  std::int64_t promote(std::int64_t number) {
    const auto found = older_.keys.find(number);
    older_.numbers.erase(found->second);
    auto node = older_.keys.extract(found);
    const auto inserted = newer_.keys.insert(std::move(node));
    newer_.numbers.emplace(std::string_view{inserted.position->second}, number);
    turn_over_keeping(number);
    return number;
  }

  void turn_over() {
    if (newer_.keys.size() >= half_) {
      counters_.evicted_for_size.fetch_add(older_.keys.size(), std::memory_order_relaxed);
      std::swap(newer_, older_);
      newer_ = {};
    }
    counters_.size.store(static_cast<std::int64_t>(newer_.keys.size() + older_.keys.size()),
                         std::memory_order_relaxed);
  }

  // What was just promoted must be in the newer half when the caller looks for it there.
  void turn_over_keeping(std::int64_t number) {
    turn_over();
    if (newer_.keys.empty()) {
      auto node = older_.keys.extract(number);
      older_.numbers.erase(node.mapped());
      const auto inserted = newer_.keys.insert(std::move(node));
      newer_.numbers.emplace(std::string_view{inserted.position->second}, number);
    }
  }

  mutable std::mutex mutex_;
  Half newer_;
  Half older_;
  std::size_t half_;
  lares::detail::CacheCounters counters_;
  lares::detail::CacheMembership membership_;
};

}  // namespace lares::storage
