// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/server.hpp>
#include <lares/service/capabilities.hpp>

namespace lares::rooms {

/// `m.room_versions`: what rooms can be made, and of which version by default (`default_room_version`).
class RoomCapabilities final : public service::Capabilities {
 public:
  explicit RoomCapabilities(Server& server) : server_(server) {}

  void add_capabilities(nlohmann::json& capabilities) const override;

 private:
  Server& server_;
};

}  // namespace lares::rooms
