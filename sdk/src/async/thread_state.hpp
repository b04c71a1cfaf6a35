// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace lares {

class Flow;
class LogContext;
class Loop;

/// What a thread knows about the code that runs on it, and what its CPU clock said.
struct ThreadState {
  /// Null stands for the sentinel.
  LogContext* context = nullptr;
  Flow* flow = nullptr;
  Loop* loop = nullptr;

  /// All in nanoseconds; wall times are the monotonic clock's.
  std::int64_t slice_start = 0;
  std::int64_t run_start = 0;
  std::int64_t cpu_asked_at = 0;
  std::int64_t cpu_then = 0;
  /// What slices since then were charged without asking the CPU clock.
  std::int64_t charged_since = 0;
  std::int64_t rusage_asked_at = 0;
  std::int64_t user_then = 0;
  std::int64_t system_then = 0;
  /// Which part of the thread's time was lately the kernel's, in 1/1024.
  std::int64_t system_share = 0;
};

/// Static storage of liblares.so, which every process loads at its start.
[[gnu::tls_model("initial-exec")]] extern constinit thread_local ThreadState t_state;

/// The monotonic clock, in nanoseconds.
[[nodiscard]] std::int64_t monotonic_ns() noexcept;

/// Charges the running slice and goes on under `next` (null: the sentinel), all at `now`.
void switch_context(ThreadState& state, LogContext* next, std::int64_t now) noexcept;

/// Charges what has run of the slice so far, so that counters can be read.
void charge_running_slice(ThreadState& state) noexcept;

/// Reports that contexts were misused.
void report_misuse(const char* format, const char* first, const char* second = "") noexcept;

}  // namespace lares
