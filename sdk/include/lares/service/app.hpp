// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <string_view>

namespace lares::service {

/// What kind of process this is. The plugin that `worker_app` names provides it, and is the only one of its
/// kind that is active; other plugins ask it what falls to this process beside what the configuration gives
/// to processes by their names (`stream_writers` and the like).
///
/// **Threads**: any.
class LARES_EXPORT App {
 public:
  static constexpr std::string_view kServiceId = "lares.app/1";
  virtual ~App();

  /// The one process of a server that others find by `instance_map.main`: it does what nobody else is named
  /// for, and over TCP the others hear of each other through it.
  [[nodiscard]] virtual bool is_main() const noexcept = 0;
};

}  // namespace lares::service
