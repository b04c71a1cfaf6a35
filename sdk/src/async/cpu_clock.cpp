// SPDX-License-Identifier: Apache-2.0
#include "thread_state.hpp"

#include <lares/async/log_context.hpp>
#include <lares/base/log.hpp>

#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <chrono>

namespace lares {

constinit thread_local ThreadState t_state;

namespace {

constexpr std::int64_t kMicrosecond = 1'000;
constexpr std::int64_t kMillisecond = 1'000'000;

/// Shorter slices are taken from the monotonic clock: the kernel hardly ever takes a thread away for so short
/// a time, and its CPU clock is a system call of 200 ns where the monotonic one takes 18.
constexpr std::int64_t kShortSlice = 50 * kMicrosecond;
/// How long the CPU clock's last answer serves as the mark that a long slice is measured from. What ran since
/// without being charged is the most by which that slice can be charged too much, if the kernel took the
/// thread away in it.
constexpr std::int64_t kCpuMarkAge = kMillisecond;
constexpr std::int64_t kRusageAge = 100 * kMillisecond;

std::int64_t clock_ns(clockid_t clock) noexcept {
  timespec at{};
  clock_gettime(clock, &at);
  return static_cast<std::int64_t>(at.tv_sec) * 1'000'000'000 + at.tv_nsec;
}

std::int64_t to_ns(const timeval& time) noexcept {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::int64_t>(time.tv_usec) * 1'000;
}

void mark_cpu(ThreadState& state, std::int64_t now) noexcept {
  state.cpu_then = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  state.cpu_asked_at = now;
  state.charged_since = 0;
}

void ask_system_share(ThreadState& state, std::int64_t now) noexcept {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  const std::int64_t user = to_ns(usage.ru_utime);
  const std::int64_t system = to_ns(usage.ru_stime);
  const std::int64_t spent = (user - state.user_then) + (system - state.system_then);
  if (spent > 0) {
    state.system_share = (system - state.system_then) * 1024 / spent;
  }
  state.user_then = user;
  state.system_then = system;
  state.rusage_asked_at = now;
}

void charge(ThreadState& state, std::int64_t now) noexcept {
  std::int64_t spent = now - state.slice_start;
  if (spent >= kShortSlice) {
    const std::int64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    spent = std::clamp<std::int64_t>(cpu - state.cpu_then - state.charged_since, 0, spent);
    state.cpu_then = cpu;
    state.cpu_asked_at = now;
    state.charged_since = 0;
  } else {
    state.charged_since += spent;
  }
  if (now - state.rusage_asked_at > kRusageAge) {
    ask_system_share(state, now);
  }
  const std::int64_t system = spent * state.system_share / 1024;
  state.context->add_cpu(std::chrono::nanoseconds{spent - system}, std::chrono::nanoseconds{system});
}

/// Every change of context, for who looks for one that was lost; never on because something above it is.
const log::Logger& trace() {
  static const log::Logger logger{"lares.logging.context.debug"};
  return logger;
}

}  // namespace

std::int64_t monotonic_ns() noexcept {
  return clock_ns(CLOCK_MONOTONIC);
}

void switch_context(ThreadState& state, LogContext* next, std::int64_t now) noexcept {
  if (state.context != nullptr) {
    charge(state, now);
  }
  if (const log::Logger& logger = trace(); logger.enabled(log::Level::kDebug)) {
    logger.debug("to {}", next == nullptr ? LogContext::sentinel().name() : next->name());
  }
  state.context = next;
  state.slice_start = now;
  if (next != nullptr && now - state.cpu_asked_at > kCpuMarkAge) {
    mark_cpu(state, now);
  }
}

void charge_running_slice(ThreadState& state) noexcept {
  if (state.context != nullptr) {
    const std::int64_t now = monotonic_ns();
    charge(state, now);
    state.slice_start = now;
  }
}

}  // namespace lares
