// SPDX-License-Identifier: Apache-2.0
#include <lares/service/room_directory.hpp>

namespace lares::service {

RoomDirectory::~RoomDirectory() = default;

}  // namespace lares::service
