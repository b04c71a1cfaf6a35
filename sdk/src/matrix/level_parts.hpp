// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/json/value.hpp>
#include <lares/matrix/power_levels.hpp>

#include <array>
#include <cstddef>
#include <string_view>

namespace lares::matrix::detail {

/// The properties of a power levels event that name one level each, in the order of PowerAction.
inline constexpr std::array<std::string_view, kPowerActions> kLevelNames{
    "ban", "kick", "invite", "redact", "users_default", "events_default", "state_default"};

/// The parts of a power levels event's content that anybody looks at, found in one walk: `users` may be long,
/// and each search for a member by its name would walk over it again.
[[nodiscard]] inline LevelParts level_parts(const json::Value& content) noexcept {
  LevelParts parts;
  for (const json::Member& member : content.members()) {
    if (!member.key.plain()) {
      continue;
    }
    const std::string_view key = member.key.raw();
    if (key == "events") {
      parts.events = member.value;
    } else if (key == "notifications") {
      parts.notifications = member.value;
    } else if (key == "users") {
      parts.users = member.value;
    } else {
      for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
        if (key == kLevelNames[i]) {
          parts.actions[i] = member.value;
        }
      }
    }
  }
  return parts;
}

}  // namespace lares::matrix::detail
