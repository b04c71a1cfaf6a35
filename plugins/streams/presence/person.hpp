// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/time.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "presence_state.hpp"
#include "settings.hpp"

namespace lares::presence {

/// What a person's presence comes to at a moment.
struct Verdict {
  State state = State::kOffline;
  bool currently_active = false;
  SteadyTime changes_at = SteadyTime::max();  ///< when to look again, if nothing happens before
};

/// What the writer knows of a user who is, or was a moment ago, not offline. No clock in it: whoever calls
/// says what time it is.
class Person {
 public:
  /// Devices that are counted; further ones change nothing.
  static constexpr std::size_t kMostDevices = 50;

  /// A device syncs, or did up to `seen`; it began its last sync at `begun`.
  void syncs(std::uint64_t device, State state, SteadyTime begun, SteadyTime seen, const Settings& settings);
  /// The user said so. It holds until a sync begins after it, or until nobody syncs any more.
  void says(State state, SteadyTime now);
  /// The user did something.
  void acts(SteadyTime at, std::int64_t at_ts);

  [[nodiscard]] Verdict look(SteadyTime now, const Settings& settings) const;
  /// When the user last did something; 0 for never.
  [[nodiscard]] std::int64_t last_active_ts() const noexcept { return last_active_ts_; }
  /// Forgets devices whose time is over.
  void drop_ended(SteadyTime now);

 private:
  struct Device {
    std::uint64_t device = 0;
    State state = State::kOnline;
    SteadyTime begun{};
    SteadyTime until{};
  };
  struct Said {
    State state = State::kOnline;
    SteadyTime at{};
  };

  std::vector<Device> devices_;
  std::optional<Said> said_;
  std::optional<SteadyTime> last_active_;
  std::int64_t last_active_ts_ = 0;
};

}  // namespace lares::presence
