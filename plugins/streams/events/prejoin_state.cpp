// SPDX-License-Identifier: Apache-2.0
#include "prejoin_state.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace lares::events {

namespace {

constexpr const char* kNoDefaults = "room_prejoin_state.disable_default_event_types";
constexpr const char* kAdditional = "room_prejoin_state.additional_event_types";

bool is_pair(const nlohmann::json& entry) {
  return entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string();
}

std::string expected_entries(const nlohmann::json& entries) {
  const auto valid = [](const nlohmann::json& entry) { return entry.is_string() || is_pair(entry); };
  return entries.is_array() && std::ranges::all_of(entries, valid)
             ? ""
             : "a list of types, or of pairs of a type and a state key";
}

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
                                  "type and a state key.",
                       .check = &expected_entries});
}

PrejoinState read_prejoin_state(const Config& config) {
  PrejoinState state;
  if (!config.boolean(kNoDefaults)) {
    for (const char* type : {"m.room.create", "m.room.name", "m.room.avatar", "m.room.topic",
                             "m.room.join_rules", "m.room.canonical_alias", "m.room.encryption"}) {
      state.entries.emplace_back(type, "");
    }
  }
  for (const nlohmann::json& entry : config.get(kAdditional)) {
    if (entry.is_string()) {
      state.whole_types.push_back(entry.get<std::string>());
    } else {
      state.entries.emplace_back(entry[0].get<std::string>(), entry[1].get<std::string>());
    }
  }
  return state;
}

}  // namespace lares::events
