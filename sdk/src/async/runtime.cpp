// SPDX-License-Identifier: Apache-2.0
#include <lares/async/runtime.hpp>

#include "background.hpp"

#include <lares/async/task_group.hpp>
#include <lares/async/waiter.hpp>
#include <lares/base/metrics.hpp>

#include <utility>

namespace lares {

struct Runtime::Shared {
  metrics::Registry metrics;
  detail::BackgroundProcesses background{metrics};
};

Runtime::Runtime() : shared_{std::make_unique<Shared>()} {}
Runtime::~Runtime() = default;

metrics::Registry& Runtime::metrics() noexcept {
  return shared_->metrics;
}
detail::BackgroundProcesses& Runtime::background_processes() noexcept {
  return shared_->background;
}

Loop& Runtime::this_or_next_loop() noexcept {
  Loop* const current = Loop::current();
  return current != nullptr && &current->runtime() == this ? *current : next_loop();
}

Task<void> Runtime::sleep_for(std::chrono::nanoseconds duration) {
  return sleep_until(detail::deadline_after(steady_now(), duration));
}

Task<void> Runtime::sleep_until(SteadyTime deadline) {
  Waiter waiter;
  if (deadline <= steady_now()) {
    co_await waiter.wait([&waiter] { waiter.notify(); });
    co_return;
  }
  const Wake wake = co_await WaitList::wait(waiter, deadline);
  if (wake == Wake::kCancelled) {
    throw_cancelled();
  }
}

namespace detail {

SteadyTime deadline_after(SteadyTime now, std::chrono::nanoseconds duration) noexcept {
  return duration >= SteadyTime::max() - now ? SteadyTime::max() : now + duration;
}

}  // namespace detail

}  // namespace lares
