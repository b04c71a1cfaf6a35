// SPDX-License-Identifier: Apache-2.0
#include "person.hpp"

#include <algorithm>

namespace lares::presence {

void Person::syncs(std::uint64_t device, State state, SteadyTime begun, SteadyTime seen,
                   const Settings& settings) {
  const SteadyTime until = seen + settings.online_timeout;
  const auto known = std::ranges::find(devices_, device, &Device::device);
  if (known == devices_.end()) {
    if (devices_.size() < kMostDevices) {
      devices_.push_back({device, state, begun, until});
    }
    return;
  }
  // What was said twice, or arrives late, takes nothing back.
  if (begun >= known->begun) {
    known->state = state;
    known->begun = begun;
  }
  known->until = std::max(known->until, until);
}

void Person::says(State state, SteadyTime now) {
  said_ = Said{state, now};
}

void Person::acts(SteadyTime at, std::int64_t at_ts) {
  if (!last_active_ || at > *last_active_) {
    last_active_ = at;
    last_active_ts_ = at_ts;
  }
}

Verdict Person::look(SteadyTime now, const Settings& settings) const {
  Verdict verdict;
  const auto look_at = [&verdict, now](SteadyTime when) {
    if (when > now) {
      verdict.changes_at = std::min(verdict.changes_at, when);
    }
  };
  bool syncing = false;
  bool overridden = false;
  State best = State::kOffline;
  for (const Device& device : devices_) {
    if (device.until <= now) {
      continue;
    }
    syncing = true;
    look_at(device.until);
    best = std::max(best, device.state);
    overridden = overridden || (said_ && device.begun > said_->at);
  }
  if (said_ && !overridden) {
    const SteadyTime end = said_->at + settings.online_timeout;
    look_at(end);
    if (syncing || now < end) {
      best = said_->state;
    }
  }
  verdict.state = best;
  if (best != State::kOnline || !last_active_) {
    return verdict;
  }
  look_at(*last_active_ + settings.granularity);
  look_at(*last_active_ + settings.idle_timeout);
  verdict.currently_active = now < *last_active_ + settings.granularity;
  if (now >= *last_active_ + settings.idle_timeout) {
    verdict.state = State::kUnavailable;
    verdict.currently_active = false;
  }
  return verdict;
}

void Person::drop_ended(SteadyTime now) {
  std::erase_if(devices_, [now](const Device& device) { return device.until <= now; });
}

}  // namespace lares::presence
