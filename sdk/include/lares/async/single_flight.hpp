// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/log_context.hpp>
#include <lares/async/promise.hpp>
#include <lares/async/task_group.hpp>

#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

namespace lares {

/// Lets the same piece of work run once for all who ask for it while it is under way. The first caller's
/// context is charged; a caller that is cancelled ends its own wait, not the work.
///
/// **Threads** any. **Lifetime** until the group has been joined. **Errors** the work's, to every caller.
template <class Key, class Value, class Hash = std::hash<Key>>
class SingleFlight {
 public:
  /// The group owns the work and ends it.
  explicit SingleFlight(TaskGroup& group) noexcept : group_{&group} {}
  SingleFlight(const SingleFlight&) = delete;
  SingleFlight& operator=(const SingleFlight&) = delete;

  /// `work` is a function from the key to a Task<Value>; it captures nothing when it is a coroutine itself.
  template <class Work>
  [[nodiscard]] Task<Value> run(Key key, Work work) {
    Future<Value> future;
    std::optional<Promise<Value>> mine;
    {
      const std::lock_guard lock{mutex_};
      if (const auto found = flights_.find(key); found != flights_.end()) {
        future = found->second;
      } else {
        mine.emplace();
        future = mine->future();
        flights_.emplace(key, future);
      }
    }
    if (mine) {
      spawn(*group_, current_context().child(), fly(this, std::move(key), std::move(work), std::move(*mine)));
    }
    co_return co_await future.get();
  }

  /// Pieces of work under way.
  [[nodiscard]] std::size_t size() {
    const std::lock_guard lock{mutex_};
    return flights_.size();
  }

 private:
  /// Takes the flight off the list when its frame goes, also when that is before it ever ran.
  struct Landing {
    Landing(SingleFlight* owner, const Key& flown) : self{owner}, key{flown} {}
    Landing(const Landing&) = delete;
    Landing& operator=(const Landing&) = delete;
    ~Landing() { land(); }
    void land() {
      if (self != nullptr) {
        const std::lock_guard lock{self->mutex_};
        self->flights_.erase(key);
        self = nullptr;
      }
    }
    SingleFlight* self;
    const Key& key;
  };

  template <class Work>
  static Task<void> fly(SingleFlight* self, Key key, Work work, Promise<Value> promise) {
    Landing landing{self, key};
    try {
      Value value = co_await work(key);
      landing.land();
      promise.set(std::move(value));
    } catch (...) {
      landing.land();
      promise.fail(std::current_exception());
    }
  }

  TaskGroup* group_;
  std::mutex mutex_;
  std::unordered_map<Key, Future<Value>, Hash> flights_;
};

}  // namespace lares
