// SPDX-License-Identifier: Apache-2.0
#include "prejoin_state.hpp"

#include <lares/base/error.hpp>

#include <nlohmann/json.hpp>

namespace lares::events {

namespace {

constexpr const char* kNoDefaults = "room_prejoin_state.disable_default_event_types";
constexpr const char* kAdditional = "room_prejoin_state.additional_event_types";

}  // namespace

void declare_sync(Declarations& declarations) {
  declarations.config({.path = "exclude_rooms_from_sync",
                       .type = ConfigType::Strings,
                       .default_value = "[]",
                       .meaning = "Ids of rooms that no answer to /sync shows, though users are in them.",
                       .reload = Reload::Live});
  declarations.config({.path = kNoDefaults,
                       .type = ConfigType::Bool,
                       .default_value = "false",
                       .meaning = "Whether who is invited sees nothing of a room's state but the additional "
                                  "types and who invites."});
  declarations.config({.path = kAdditional,
                       .type = ConfigType::Any,
                       .default_value = "[]",
                       .meaning = "State that who is invited sees besides: a list of types, or of pairs of a "
                                  "type and a state key."});
}

PrejoinState read_prejoin_state(const Config& config) {
  PrejoinState state;
  if (!config.boolean(kNoDefaults)) {
    for (const char* type : {"m.room.create", "m.room.name", "m.room.avatar", "m.room.topic",
                             "m.room.join_rules", "m.room.canonical_alias", "m.room.encryption"}) {
      state.entries.emplace_back(type, "");
    }
  }
  const nlohmann::json& additional = config.get(kAdditional);
  bool valid = additional.is_array();
  for (const nlohmann::json& entry : valid ? additional : nlohmann::json::array()) {
    if (entry.is_string()) {
      state.whole_types.push_back(entry.get<std::string>());
    } else if (entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string()) {
      state.entries.emplace_back(entry[0].get<std::string>(), entry[1].get<std::string>());
    } else {
      valid = false;
    }
  }
  if (!valid) {
    throw StartError(config.origin(kAdditional) + ": " + kAdditional +
                     " is a list of types, or of pairs of a type and a state key.");
  }
  return state;
}

}  // namespace lares::events
