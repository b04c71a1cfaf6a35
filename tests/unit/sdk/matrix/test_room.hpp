// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <lares/crypto/base64.hpp>
#include <lares/crypto/signed_json.hpp>
#include <lares/matrix/event.hpp>
#include <lares/matrix/room_version.hpp>
#include <nlohmann/json.hpp>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Rooms of tests: events made out of a few words, as the data files write them.

namespace lares::test {

using Json = nlohmann::json;
using matrix::Event;
using matrix::EventPtr;
using matrix::RoomVersion;

inline crypto::SigningKey test_key(std::uint8_t number, std::string_view version = "0") {
  crypto::Ed25519Seed seed{};
  seed.fill(number);
  return crypto::SigningKey{version, seed};
}

/// The versions of "1-5" or "12".
inline std::vector<const RoomVersion*> versions_in(std::string_view range) {
  const auto number = [](std::string_view text) {
    int value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  };
  const std::size_t dash = range.find('-');
  const int first = number(range.substr(0, dash));
  const int last = dash == std::string_view::npos ? first : number(range.substr(dash + 1));
  std::vector<const RoomVersion*> versions;
  for (int i = first; i <= last; ++i) {
    versions.push_back(matrix::find_room_version(std::to_string(i)));
  }
  return versions;
}

/// All data files of a folder, by name.
inline std::map<std::string, Json> data_files(const std::string& folder) {
  std::map<std::string, Json> files;
  for (const auto& entry : std::filesystem::directory_iterator{std::string{LARES_TEST_DATA "/"} + folder}) {
    std::ifstream file{entry.path()};
    files[entry.path().stem().string()] = Json::parse(file);
  }
  return files;
}

/// Replaces the words of the data files: $KEY and its kin by public keys, {"$sign": object, "key": "$KEY"} by
/// the object signed with that key.
inline void resolve(Json& value) {
  static const std::map<std::string, std::uint8_t> kKeys{{"$KEY", 1}, {"$OTHER_KEY", 2}, {"$THIRD_KEY", 3}};
  if (value.is_string()) {
    const auto key = kKeys.find(value.get<std::string>());
    if (key != kKeys.end()) {
      value = crypto::base64_encode(test_key(key->second).public_key());
    }
    return;
  }
  if (value.is_object() && value.contains("$sign")) {
    const auto key = test_key(kKeys.at(value["key"].get<std::string>()));
    value = Json::parse(*crypto::sign_json(value["$sign"].dump(), "id.example", key));
    return;
  }
  if (value.is_structured()) {
    for (auto& inner : value) {
      resolve(inner);
    }
  }
}

/// A room out of a data file: its create event, members, join rule, power levels and other state.
class TestRoom {
 public:
  TestRoom(const RoomVersion& version, Json description) : version_{version} {
    resolve(description);
    room_id_ = "!room:a.example";
    const Json create_part = description.value("create", Json::object());
    const EventPtr create =
        make({{"type", "m.room.create"},
              {"sender", "@creator:a.example"},
              {"state_key", ""},
              {"prev_events", Json::array()},
              {"content",
               create_part.is_object() ? create_part.value("content", Json::object()) : Json::object()}});
    create_ = create;
    create_id_ = create->event_id();
    room_id_ = create->room_id();
    if (!description.contains("create") || !description["create"].is_null()) {
      put(create);
    }
    for (const auto& [user, membership] : description.value("members", Json::object()).items()) {
      put(make({{"type", "m.room.member"},
                {"sender", user},
                {"state_key", user},
                {"content", {{"membership", membership}}}}));
    }
    if (description.contains("join_rule") && description["join_rule"].is_string()) {
      put(make({{"type", "m.room.join_rules"},
                {"sender", "@creator:a.example"},
                {"state_key", ""},
                {"content", {{"join_rule", description["join_rule"]}}}}));
    }
    if (description.contains("power_levels") && description["power_levels"].is_object()) {
      put(make({{"type", "m.room.power_levels"},
                {"sender", "@creator:a.example"},
                {"state_key", ""},
                {"content", description["power_levels"]}}));
    }
    for (const auto& event : description.value("state", Json::array())) {
      put(make(event));
    }
  }

  /// An event of the room; what its description leaves out gets a common value.
  [[nodiscard]] EventPtr make(Json event) const {
    resolve(event);
    const auto set_default = [&](const char* name, const Json& value) {
      if (!event.contains(name)) {
        event[name] = value;
      }
    };
    const bool is_create = event["type"] == "m.room.create";
    set_default("content", Json::object());
    set_default("origin_server_ts", 1000);
    set_default("depth", 5);
    set_default("hashes", Json::object());
    set_default("signatures", Json::object());
    set_default("prev_events", Json::array({"$other"}));
    set_default("auth_events", Json::array());
    if (event.contains("room_id") && event["room_id"] == "$room") {
      event.erase("room_id");
    } else if (event.contains("room_id") && event["room_id"] == "$other_room") {
      event["room_id"] =
          version_.room_id_is_create_hash ? "!" + std::string(43, 'A') : std::string{"!other:a.example"};
    }
    if (!is_create || !version_.room_id_is_create_hash) {
      set_default("room_id", room_id_);
    }
    if (is_create && event["content"].contains("creator") && event["content"]["creator"].is_null()) {
      event["content"].erase("creator");
    } else if (is_create && !version_.implicit_creator && !event["content"].contains("creator")) {
      event["content"]["creator"] = event["sender"];
    }
    if (version_.has_event_id_field()) {
      const std::string sender = event["sender"];
      set_default("event_id", "$" + std::to_string(++count_) + sender.substr(sender.find(':')));
    }
    if (version_.redacts_in_content && event.contains("redacts")) {
      event["content"]["redacts"] = event["redacts"];
      event.erase("redacts");
    }
    for (const char* list : {"prev_events", "auth_events"}) {
      for (auto& reference : event[list]) {
        std::string id = reference;
        if (id == "$create") {
          id = create_id_;
        } else if (version_.has_event_id_field() && id.find(':') == std::string::npos) {
          id += ":a.example";
        }
        reference = version_.has_event_id_field() ? Json::array({id, {{"sha256", "hash"}}}) : Json(id);
      }
    }
    const auto parsed = Event::parse(event.dump(), version_, {.trusted = true});
    if (!parsed) {
      ADD_FAILURE() << describe(parsed.error()) << ": " << event.dump();
      return nullptr;
    }
    return parsed->event;
  }

  void put(const EventPtr& event) {
    state_[{std::string{event->type()}, std::string{*event->state_key()}}] = event;
  }

  [[nodiscard]] const Event* find(std::string_view type, std::string_view state_key) const {
    const auto found = state_.find({std::string{type}, std::string{state_key}});
    return found == state_.end() ? nullptr : found->second.get();
  }
  [[nodiscard]] auto lookup() const {
    return [this](std::string_view type, std::string_view state_key) { return find(type, state_key); };
  }
  [[nodiscard]] const EventPtr& create() const { return create_; }
  [[nodiscard]] const RoomVersion& version() const { return version_; }

 private:
  const RoomVersion& version_;
  std::string room_id_;
  std::string create_id_ = "$create";
  EventPtr create_;
  std::map<std::pair<std::string, std::string>, EventPtr> state_;
  mutable int count_ = 0;
};

}  // namespace lares::test
