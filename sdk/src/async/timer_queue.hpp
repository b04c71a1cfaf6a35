// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/waiter.hpp>
#include <lares/base/time.hpp>

#include <cstddef>
#include <vector>

namespace lares {

/// The deadlines of a loop's suspended coroutines: a binary heap whose members know their place, so that a
/// wait that ends early leaves at once and 10,000 long polls are no burden.
///
/// **Threads** the loop's.
class TimerQueue {
 public:
  /// True when the new one is the earliest.
  [[nodiscard]] bool add(Waiter& waiter);
  void remove(Waiter& waiter) noexcept;
  /// Takes out the earliest if it is not after `now`; else null.
  [[nodiscard]] Waiter* take_due(SteadyTime now) noexcept;
  /// SteadyTime::max() when empty.
  [[nodiscard]] SteadyTime earliest() const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }
  static void expire(Waiter& waiter) noexcept { waiter.on_timer(); }

 private:
  struct Item {
    SteadyTime deadline;
    Waiter* waiter;
  };
  void place(std::size_t index, Item item) noexcept;
  void sift_up(std::size_t index, Item item) noexcept;
  void sift_down(std::size_t index, Item item) noexcept;

  std::vector<Item> heap_;
};

}  // namespace lares
