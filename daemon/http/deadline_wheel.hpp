// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/time.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace lares::http {

/// Something that has a deadline now and then. **Lifetime**: taken out of its wheel before it goes.
class Timed {
 public:
  Timed() = default;
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 protected:
  ~Timed() = default;
  /// The deadline has passed. May set another, and may destroy the object.
  virtual void on_deadline() noexcept = 0;

 private:
  friend class DeadlineWheel;
  static constexpr std::int64_t kNever = INT64_MAX;

  Timed* next_ = nullptr;
  Timed** link_ = nullptr;            ///< what points at this; null outside of the wheel
  std::int64_t deadline_ = kNever;    ///< in ticks
  std::int64_t registered_ = kNever;  ///< the tick whose slot this stands in
};

/// The deadlines of the connections of one loop, to a quarter of a second. Moving a deadline into the future,
/// which every request does several times, is one store: the entry stays in its slot and is looked at again
/// when that comes.
///
/// **Threads**: one loop.
class DeadlineWheel {
 public:
  static constexpr std::chrono::milliseconds kTick{250};

  explicit DeadlineWheel(SteadyTime start) noexcept : start_(start) {}
  DeadlineWheel(const DeadlineWheel&) = delete;
  DeadlineWheel& operator=(const DeadlineWheel&) = delete;

  /// `now` is that of the caller's last look at the clock.
  void set(Timed& entry, SteadyTime deadline) noexcept;
  void clear(Timed& entry) noexcept { entry.deadline_ = Timed::kNever; }
  void remove(Timed& entry) noexcept;

  /// Calls what is due.
  void advance(SteadyTime now) noexcept;

 private:
  static constexpr std::size_t kSlots = 512;

  void insert(Timed& entry, std::int64_t tick) noexcept;
  static void unlink(Timed& entry) noexcept;

  SteadyTime start_;
  std::int64_t tick_ = 0;  ///< all slots up to here have been served
  std::array<Timed*, kSlots> slots_{};
};

}  // namespace lares::http
