// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/config.hpp>
#include <lares/plugin/declarations.hpp>

#include <string>
#include <utility>
#include <vector>

namespace lares::events {

/// What of a room's state those see who are invited to it, or knock. spec: Client-Server API, "Stripped
/// state"
struct PrejoinState {
  std::vector<std::pair<std::string, std::string>> entries;  ///< type and state key
  std::vector<std::string> whole_types;                      ///< whatever the state key
};

/// The keys of `room_prejoin_state`, and `exclude_rooms_from_sync`.
void declare_sync(Declarations& declarations);

[[nodiscard]] PrejoinState read_prejoin_state(const Config& config);

}  // namespace lares::events
