// SPDX-License-Identifier: Apache-2.0
#include <http/deadline_wheel.hpp>

#include <algorithm>

namespace lares::http {

void DeadlineWheel::unlink(Timed& entry) noexcept {
  if (entry.link_ == nullptr) {
    return;
  }
  *entry.link_ = entry.next_;
  if (entry.next_ != nullptr) {
    entry.next_->link_ = entry.link_;
  }
  entry.link_ = nullptr;
  entry.next_ = nullptr;
  entry.registered_ = Timed::kNever;
}

void DeadlineWheel::insert(Timed& entry, std::int64_t tick) noexcept {
  // What is beyond the horizon is looked at when the horizon comes.
  tick = std::clamp(tick, tick_ + 1, tick_ + static_cast<std::int64_t>(kSlots) - 1);
  Timed*& head = slots_[static_cast<std::size_t>(tick) % kSlots];
  entry.registered_ = tick;
  entry.next_ = head;
  entry.link_ = &head;
  if (head != nullptr) {
    head->link_ = &entry.next_;
  }
  head = &entry;
}

void DeadlineWheel::set(Timed& entry, SteadyTime deadline) noexcept {
  // Rounded up, so that nothing comes early.
  entry.deadline_ =
      std::max<std::int64_t>((deadline - start_ + kTick - std::chrono::nanoseconds{1}) / kTick, 0);
  if (entry.link_ == nullptr || entry.deadline_ < entry.registered_) {
    unlink(entry);
    insert(entry, entry.deadline_);
  }
}

void DeadlineWheel::remove(Timed& entry) noexcept {
  unlink(entry);
  entry.deadline_ = Timed::kNever;
}

void DeadlineWheel::advance(SteadyTime now) noexcept {
  const std::int64_t target = (now - start_) / kTick;
  while (tick_ < target) {
    ++tick_;
    // Entries put into this slot while it is served are for a later turn, so the chain is taken off first.
    Timed* chain = slots_[static_cast<std::size_t>(tick_) % kSlots];
    slots_[static_cast<std::size_t>(tick_) % kSlots] = nullptr;
    if (chain != nullptr) {
      chain->link_ = &chain;
    }
    while (chain != nullptr) {
      Timed& entry = *chain;
      unlink(entry);
      if (entry.deadline_ == Timed::kNever) {
        continue;
      }
      if (entry.deadline_ > tick_) {
        insert(entry, entry.deadline_);
        continue;
      }
      entry.deadline_ = Timed::kNever;
      entry.on_deadline();
    }
  }
}

}  // namespace lares::http
