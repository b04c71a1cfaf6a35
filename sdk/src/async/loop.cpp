// SPDX-License-Identifier: Apache-2.0
#include "loop_internals.hpp"
#include "thread_state.hpp"

#include <lares/async/context_executor.hpp>
#include <lares/async/runtime.hpp>
#include <lares/base/log.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <array>
#include <utility>

namespace lares {

namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
/// Slices below the histogram's first bound are added up on the loop and handed over together.
constexpr std::int64_t kShortSlice = kMillisecond;
constexpr std::uint64_t kShortSlicesAtOnce = 256;
/// A loop that stalls again and again is reported once a second; the metric counts all.
constexpr std::int64_t kReportEvery = 1'000 * kMillisecond;

}  // namespace

LoopWork::~LoopWork() = default;

void LoopWork::post_to(Loop& loop) noexcept {
  loop.internals().push(this, this);
}

bool LoopInbox::push(LoopWork* newest, LoopWork* oldest) noexcept {
  LoopWork* before = newest_.load(std::memory_order_relaxed);
  do {
    oldest->next_ = before;
  } while (
      !newest_.compare_exchange_weak(before, newest, std::memory_order_release, std::memory_order_relaxed));
  return before == nullptr;
}

LoopWork* LoopInbox::take() noexcept {
  LoopWork* at = newest_.exchange(nullptr, std::memory_order_acquire);
  LoopWork* oldest = nullptr;
  while (at != nullptr) {
    LoopWork* const older = at->next_;
    at->next_ = oldest;
    oldest = at;
    at = older;
  }
  return oldest;
}

void SuspendedList::link(Waiter& waiter) noexcept {
  waiter.suspended_previous_ = nullptr;
  waiter.suspended_next_ = first_;
  if (first_ != nullptr) {
    first_->suspended_previous_ = &waiter;
  }
  first_ = &waiter;
}

void SuspendedList::unlink(Waiter& waiter) noexcept {
  (waiter.suspended_previous_ != nullptr ? waiter.suspended_previous_->suspended_next_ : first_) =
      waiter.suspended_next_;
  if (waiter.suspended_next_ != nullptr) {
    waiter.suspended_next_->suspended_previous_ = waiter.suspended_previous_;
  }
}

bool SuspendedList::destroy_one() noexcept {
  if (first_ == nullptr) {
    return false;
  }
  first_->abandon();
  return true;
}

void Loop::Internals::push(LoopWork* newest, LoopWork* oldest) noexcept {
  if (inbox.push(newest, oldest)) {
    boost::asio::post(loop.io_context(), [this] { drain(); });
  }
}

void Loop::Internals::drain() noexcept {
  LoopWork* work = inbox.take();
  while (work != nullptr) {
    // What runs may destroy itself.
    LoopWork* const next = LoopInbox::next(work);
    LoopInbox::run(work);
    work = next;
  }
}

void Loop::Internals::arm(Waiter& waiter) {
  if (timers.add(waiter)) {
    loop.runtime().timer_changed(loop, timers.earliest());
  }
}

SteadyTime Loop::Internals::fire_timers(SteadyTime now) noexcept {
  while (Waiter* const due = timers.take_due(now)) {
    TimerQueue::expire(*due);
  }
  return timers.earliest();
}

void Loop::Internals::count_slice(std::int64_t nanoseconds, const LogContext* context) noexcept {
  if (nanoseconds < kShortSlice) {
    short_slices_ns_ += nanoseconds;
    if (++short_slices_ == kShortSlicesAtOnce) {
      flush_slices();
    }
    return;
  }
  flush_slices();
  if (slices != nullptr) {
    slices->observe(static_cast<double>(nanoseconds) * 1e-9);
  }
  if (nanoseconds < stall_limit_ns) {
    return;
  }
  if (stalls != nullptr) {
    stalls->add();
  }
  const std::int64_t now = monotonic_ns();
  if (now - last_report_ns_ > kReportEvery || last_report_ns_ == 0) {
    last_report_ns_ = now;
    const std::string_view tag = context != nullptr ? context->tag() : std::string_view{};
    const RequestFacts* const request = context != nullptr ? context->request() : nullptr;
    log::Logger{"lares.runtime"}.warning(
        "Loop {} was held for {} ms by {}{}{}{}{}{}{}; nothing else on it could run meanwhile", loop.index(),
        nanoseconds / kMillisecond, context != nullptr ? std::string_view{context->name()} : "sentinel",
        tag.empty() ? "" : " ", tag, request != nullptr ? ", " : "",
        request != nullptr ? std::string_view{request->method} : "", request != nullptr ? " " : "",
        request != nullptr ? std::string_view{request->url} : "");
  }
}

void Loop::Internals::flush_slices() noexcept {
  if (short_slices_ != 0 && slices != nullptr) {
    slices->add_to_first(short_slices_, static_cast<double>(short_slices_ns_) * 1e-9);
  }
  short_slices_ = 0;
  short_slices_ns_ = 0;
  last_seen_ms.store(loop.runtime().now_ms(), std::memory_order_relaxed);
}

bool Loop::Internals::destroy_suspended(bool suspended_too) noexcept {
  bool any = false;
  for (;;) {
    LoopWork* work = inbox.take();
    if (work == nullptr && !(suspended_too && suspended.destroy_one())) {
      return any;
    }
    any = true;
    while (work != nullptr) {
      LoopWork* const next = LoopInbox::next(work);
      LoopInbox::abandon(work);
      work = next;
    }
  }
}

Loop::Loop(Runtime& runtime, std::size_t index)
    : runtime_{&runtime},
      index_{index},
      // One thread runs it, so what it posts to itself needs neither lock nor wake-up.
      io_context_{std::make_unique<boost::asio::io_context>(1)},
      internals_{std::make_unique<Internals>(*this)} {}

Loop::~Loop() {
  internals_->destroy_suspended(true);
  io_context_.reset();
  internals_->destroy_suspended(true);
}

Executor Loop::executor(RefPtr<LogContext> context) {
  return ContextExecutor<>{make_ref<Flow>(*this, std::move(context)), io_context_->get_executor()};
}

void Loop::post(std::move_only_function<void()> function) {
  boost::asio::post(*io_context_, std::move(function));
}

Loop* Loop::current() noexcept {
  return t_state.loop;
}

SteadyTime Loop::now() const noexcept {
  return runtime_->steady_now();
}

}  // namespace lares
