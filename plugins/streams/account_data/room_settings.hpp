// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/service/room_settings.hpp>

#include "endpoints.hpp"

namespace lares::account_data {

/// Tags of a room, and its place among the user's direct chats.
class RoomSettings final : public service::RoomSettings {
 public:
  explicit RoomSettings(Shared& shared) : shared_(shared) {}

  Task<void> carry_over(std::int64_t user, std::string user_id, service::RoomSuccession rooms) override;

 private:
  Shared& shared_;
};

}  // namespace lares::account_data
