// SPDX-License-Identifier: Apache-2.0
#include "settings.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace lares::presence {

std::chrono::milliseconds Settings::report_every() const noexcept {
  return std::clamp<std::chrono::milliseconds>(online_timeout / 6, std::chrono::milliseconds{100},
                                               std::chrono::milliseconds{5'000});
}

void declare_settings(Declarations& declarations) {
  declarations.config({.path = "presence.enabled",
                       .type = ConfigType::Any,
                       .default_value = "true",
                       .meaning =
                           "Whether users see of each other who is online: true, false, or \"untracked\", "
                           "which ignores what clients do and say.",
                       .allowed = {"true", "false", "untracked"},
                       .aliases = {"use_presence"}});
  declarations.config({.path = "presence.include_offline_users_on_sync",
                       .type = ConfigType::Bool,
                       .default_value = "false",
                       .meaning = "Whether a first sync names those who are offline, too."});
  declarations.config({.path = "presence.last_active_granularity",
                       .type = ConfigType::Duration,
                       .default_value = "1m",
                       .meaning = "For how long after doing something a user counts as active.",
                       .minimum = 1});
  declarations.config({.path = "presence.sync_online_timeout",
                       .type = ConfigType::Duration,
                       .default_value = "30s",
                       .meaning = "How long after the end of the last sync a user is offline.",
                       .minimum = 1});
  declarations.config({.path = "presence.idle_timeout",
                       .type = ConfigType::Duration,
                       .default_value = "5m",
                       .meaning = "How long after doing something last a user who syncs is unavailable.",
                       .minimum = 1});
}

Settings read_settings(const Config& config) {
  const nlohmann::json& enabled = config.get("presence.enabled");
  return {.tracked = enabled.is_boolean() && enabled.get<bool>(),
          .include_offline = config.boolean("presence.include_offline_users_on_sync"),
          .granularity = config.duration("presence.last_active_granularity"),
          .online_timeout = config.duration("presence.sync_online_timeout"),
          .idle_timeout = config.duration("presence.idle_timeout")};
}

}  // namespace lares::presence
