// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/runtime.hpp>
#include <lares/base/export.hpp>
#include <lares/base/time.hpp>

namespace lares {

/// How an implementation of Runtime turns its loops: RealRuntime with a thread for each, a simulation by
/// running the ready functions of one loop or another, as its seed says, and moving its clock to the next
/// deadline when none is ready.
///
/// **Threads** the loop's; there is no other owner of the loop.
class LARES_EXPORT LoopDriver {
 public:
  explicit LoopDriver(Loop& loop) noexcept : loop_{&loop} {}

  /// While it lives, the calling thread runs the loop (Loop::current()). Functions of its io_context run only
  /// inside.
  class LARES_EXPORT Turn {
   public:
    explicit Turn(Loop& loop) noexcept;
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn();

   private:
    Loop* outer_;
  };

  /// The earliest deadline of a suspended coroutine; SteadyTime::max() when there is none.
  [[nodiscard]] SteadyTime next_deadline() const noexcept;
  /// Resumes, inside a Turn, those whose deadline is not after `now`, and gives next_deadline().
  SteadyTime fire_timers(SteadyTime now) noexcept;

  /// Destroys, without running it, what loops have handed to this one and, with `suspended_too`, the
  /// coroutines suspended on it; false when there was nothing. At the end, first without on all loops, then
  /// with.
  bool destroy_suspended(bool suspended_too) noexcept;

 private:
  Loop* loop_;
};

}  // namespace lares
