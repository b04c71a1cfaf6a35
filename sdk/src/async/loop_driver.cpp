// SPDX-License-Identifier: Apache-2.0
#include <lares/async/loop_driver.hpp>

#include "loop_internals.hpp"
#include "thread_state.hpp"

#include <utility>

namespace lares {

LoopDriver::Turn::Turn(Loop& loop) noexcept : outer_{std::exchange(t_state.loop, &loop)} {}
LoopDriver::Turn::~Turn() {
  t_state.loop = outer_;
}

SteadyTime LoopDriver::next_deadline() const noexcept {
  return loop_->internals().timers.earliest();
}

SteadyTime LoopDriver::fire_timers(SteadyTime now) noexcept {
  return loop_->internals().fire_timers(now);
}

bool LoopDriver::destroy_suspended(bool suspended_too) noexcept {
  return loop_->internals().destroy_suspended(suspended_too);
}

}  // namespace lares
