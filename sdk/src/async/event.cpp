// SPDX-License-Identifier: Apache-2.0
#include <lares/async/event.hpp>

namespace lares {

void Event::set() noexcept {
  WakeBatch batch;
  set(batch);
}

void Event::set(WakeBatch& batch) noexcept {
  const std::lock_guard lock{waiters_.mutex()};
  set_.store(true, std::memory_order_release);
  waiters_.take_all(batch);
}

Task<Wake> Event::wait(SteadyTime deadline) {
  Waiter waiter;
  {
    const std::lock_guard lock{waiters_.mutex()};
    if (is_set()) {
      co_return Wake::kNotified;
    }
    waiters_.add(waiter);
  }
  const Wake wake = co_await WaitList::wait(waiter, deadline);
  if (wake == Wake::kCancelled) {
    throw_cancelled();
  }
  co_return wake;
}

void Notification::notify() noexcept {
  WakeBatch batch;
  notify(batch);
}

void Notification::notify(WakeBatch& batch) noexcept {
  const std::lock_guard lock{waiters_.mutex()};
  version_.fetch_add(1, std::memory_order_acq_rel);
  waiters_.take_all(batch);
}

Task<Wake> Notification::wait_beyond(std::uint64_t seen, SteadyTime deadline) {
  Waiter waiter;
  {
    const std::lock_guard lock{waiters_.mutex()};
    if (version() > seen) {
      co_return Wake::kNotified;
    }
    waiters_.add(waiter);
  }
  const Wake wake = co_await WaitList::wait(waiter, deadline);
  if (wake == Wake::kCancelled) {
    throw_cancelled();
  }
  co_return wake;
}

bool Notification::has_waiters() noexcept {
  const std::lock_guard lock{waiters_.mutex()};
  return !waiters_.empty();
}

}  // namespace lares
