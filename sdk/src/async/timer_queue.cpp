// SPDX-License-Identifier: Apache-2.0
#include "timer_queue.hpp"

namespace lares {

void TimerQueue::place(std::size_t index, Item item) noexcept {
  heap_[index] = item;
  item.waiter->timer_index_ = index;
}

void TimerQueue::sift_up(std::size_t index, Item item) noexcept {
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (heap_[parent].deadline <= item.deadline) {
      break;
    }
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, item);
}

void TimerQueue::sift_down(std::size_t index, Item item) noexcept {
  for (;;) {
    std::size_t child = 2 * index + 1;
    if (child >= heap_.size()) {
      break;
    }
    if (child + 1 < heap_.size() && heap_[child + 1].deadline < heap_[child].deadline) {
      ++child;
    }
    if (item.deadline <= heap_[child].deadline) {
      break;
    }
    place(index, heap_[child]);
    index = child;
  }
  place(index, item);
}

bool TimerQueue::add(Waiter& waiter) {
  const Item item{waiter.deadline_, &waiter};
  heap_.push_back(item);
  sift_up(heap_.size() - 1, item);
  return waiter.timer_index_ == 0;
}

void TimerQueue::remove(Waiter& waiter) noexcept {
  const std::size_t index = waiter.timer_index_;
  if (index == Waiter::kNoTimer) {
    return;
  }
  waiter.timer_index_ = Waiter::kNoTimer;
  const Item last = heap_.back();
  heap_.pop_back();
  if (index == heap_.size()) {
    return;
  }
  if (index > 0 && last.deadline < heap_[(index - 1) / 2].deadline) {
    sift_up(index, last);
  } else {
    sift_down(index, last);
  }
}

Waiter* TimerQueue::take_due(SteadyTime now) noexcept {
  if (heap_.empty() || heap_.front().deadline > now) {
    return nullptr;
  }
  Waiter* const due = heap_.front().waiter;
  remove(*due);
  return due;
}

SteadyTime TimerQueue::earliest() const noexcept {
  return heap_.empty() ? SteadyTime::max() : heap_.front().deadline;
}

}  // namespace lares
