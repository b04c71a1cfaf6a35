// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace lares::service {

/// A room, and the one that replaces it.
struct RoomSuccession {
  std::int64_t from = 0;
  std::string from_id;
  std::int64_t to = 0;
  std::string to_id;
};

/// What a user has set for one room: tags, push rules. Joined by each plugin that keeps something of the
/// kind.
///
/// **Threads**: any.
class LARES_EXPORT RoomSettings {
 public:
  static constexpr std::string_view kServiceId = "lares.room-settings/1";
  virtual ~RoomSettings();

  /// Gives a room what the user had set for the one that it replaces; what is set there already stays. Doing
  /// it twice does no harm. **Errors**: MatrixError where the user has too much of it.
  ///
  /// spec: Client-Server API, "Room Upgrades", "Server behaviour"
  virtual Task<void> carry_over(std::int64_t user, std::string user_id, RoomSuccession rooms) = 0;
};

}  // namespace lares::service
