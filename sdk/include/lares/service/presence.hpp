// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/http/requester.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace lares::service {

/// Who is there. /sync tells it that a client syncs.
///
/// spec: Client-Server API, "Presence"
/// **Threads**: any.
class LARES_EXPORT Presence {
 public:
  static constexpr std::string_view kServiceId = "lares.presence/1";
  virtual ~Presence();

  /// A client is syncing for as long as the result lives, with this `set_presence` ("online", "unavailable",
  /// "offline"). Cheap where nothing changes by it; never waits.
  [[nodiscard]] virtual std::shared_ptr<void> syncing(const http::Requester& requester,
                                                      std::string_view set_presence) = 0;

  /// Waits until the process that writes presence has heard of a client that `syncing` was told of, a moment
  /// at most.
  virtual Task<void> announced(std::shared_ptr<void> syncing) = 0;
};

}  // namespace lares::service
