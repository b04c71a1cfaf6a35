// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/service/push_rules.hpp>
#include <lares/service/room_settings.hpp>

#include "endpoints.hpp"

namespace lares::push_rules {

/// The rules for other plugins, and what of them is about one room.
class RoomSettings final : public service::PushRules, public service::RoomSettings {
 public:
  explicit RoomSettings(Shared& shared) : shared_(shared) {}

  Task<std::string> content(std::int64_t user, std::string user_id) override;
  Task<void> carry_over(std::int64_t user, std::string user_id, service::RoomSuccession rooms) override;

 private:
  Shared& shared_;
};

}  // namespace lares::push_rules
