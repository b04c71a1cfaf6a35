// SPDX-License-Identifier: Apache-2.0
#include <lares/service/room_settings.hpp>

namespace lares::service {

RoomSettings::~RoomSettings() = default;

}  // namespace lares::service
