// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/config.hpp>
#include <lares/plugin/declarations.hpp>

#include <chrono>
#include <string_view>

namespace lares::presence {

/// The limit of how often a user's presence changes, by whatever request.
constexpr std::string_view kChangesLimit = "rc_presence.per_user";

/// `presence` of the configuration.
struct Settings {
  bool tracked = true;  ///< false for `enabled: false` and for "untracked"
  bool include_offline = false;
  std::chrono::milliseconds granularity{60'000};
  std::chrono::milliseconds online_timeout{30'000};
  std::chrono::milliseconds idle_timeout{300'000};

  /// How often a process says who syncs with it.
  [[nodiscard]] std::chrono::milliseconds report_every() const noexcept;
};

void declare_settings(Declarations& declarations);
[[nodiscard]] Settings read_settings(const Config& config);

}  // namespace lares::presence
