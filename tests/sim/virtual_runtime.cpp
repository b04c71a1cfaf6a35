// SPDX-License-Identifier: Apache-2.0
#include "virtual_runtime.hpp"

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <stdexcept>

namespace lares::sim {

VirtualRuntime::VirtualRuntime(std::uint64_t seed, std::size_t loops) : random_{seed} {
  for (std::size_t i = 0; i < loops; ++i) {
    loops_.push_back(std::make_unique<Loop>(*this, i));
    order_.push_back(i);
  }
}

VirtualRuntime::~VirtualRuntime() {
  for (const bool suspended_too : {false, true}) {
    for (bool again = true; again;) {
      again = std::ranges::any_of(
          loops_, [&](const auto& loop) { return LoopDriver{*loop}.destroy_suspended(suspended_too); });
    }
  }
}

bool VirtualRuntime::run_one() {
  std::ranges::shuffle(order_, random_);
  return std::ranges::any_of(order_, [this](std::size_t i) {
    const LoopDriver::Turn turn{*loops_[i]};
    loops_[i]->io_context().restart();
    return loops_[i]->io_context().poll_one() != 0;
  });
}

bool VirtualRuntime::run_until(const std::function<bool()>& over) {
  while (!over()) {
    if (run_one()) {
      continue;
    }
    SteadyTime next = SteadyTime::max();
    for (const auto& loop : loops_) {
      next = std::min(next, LoopDriver{*loop}.next_deadline());
    }
    if (next == SteadyTime::max()) {
      return false;
    }
    now_ = std::max(now_, next);
    for (const auto& loop : loops_) {
      const LoopDriver::Turn turn{*loop};
      LoopDriver{*loop}.fire_timers(now_);
    }
  }
  return true;
}

// The standard's distributions are not the same in every library, and a seed is to mean one run.
std::int64_t VirtualRuntime::between(std::int64_t lowest, std::int64_t highest) {
  return lowest + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(highest - lowest + 1));
}

std::int64_t VirtualRuntime::now_ms() const noexcept {
  return now_.time_since_epoch() / std::chrono::milliseconds{1};
}

void VirtualRuntime::fill(std::span<std::uint8_t> out) {
  std::ranges::generate(out, [this] { return static_cast<std::uint8_t>(random_()); });
}

BlockingPool& VirtualRuntime::create_pool(PoolOptions) {
  return pool_;
}

BlockingPool& VirtualRuntime::pool(std::string_view) {
  return pool_;
}

Task<std::vector<boost::asio::ip::address>> VirtualRuntime::resolve(std::string) {
  throw std::logic_error{"A simulation has no network."};
}

void VirtualRuntime::timer_changed(Loop&, SteadyTime) {}

}  // namespace lares::sim
