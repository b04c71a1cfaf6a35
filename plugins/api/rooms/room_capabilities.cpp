// SPDX-License-Identifier: Apache-2.0
#include "room_capabilities.hpp"

#include <lares/matrix/room_version.hpp>

#include <nlohmann/json.hpp>

#include <utility>

namespace lares::rooms {

void RoomCapabilities::add_capabilities(nlohmann::json& capabilities) const {
  nlohmann::json available = nlohmann::json::object();
  for (const matrix::RoomVersion& version : matrix::room_versions()) {
    available[version.id] = version.stable ? "stable" : "unstable";
  }
  capabilities["m.room_versions"] = {{"default", server_.config()->string("default_room_version")},
                                     {"available", std::move(available)}};
}

}  // namespace lares::rooms
