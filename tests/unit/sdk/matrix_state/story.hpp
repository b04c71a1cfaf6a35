// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "room_model.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lares::matrix::test {

/// The data files of a folder beside the tests, in the order of their names.
[[nodiscard]] std::vector<std::filesystem::path> story_files(std::string_view folder);
[[nodiscard]] nlohmann::json read_story(const std::filesystem::path& file);

/// The name of a test whose parameter is a file.
[[nodiscard]] std::string story_name(const ::testing::TestParamInfo<std::filesystem::path>& file);

/// The events that a file tells of, in a room that received them in the order in which they are told. None of
/// them is rejected, unless the file says so with `rejected`.
class Story {
 public:
  Story(const nlohmann::json& told, const RoomVersion& version,
        ResolutionReading reading = ResolutionReading::kAsDeployed);

  [[nodiscard]] RoomModel& room() noexcept { return room_; }
  [[nodiscard]] const EventPtr& event(const std::string& name) const { return room_.known(id(name)).event; }
  [[nodiscard]] const std::string& id(const std::string& name) const { return ids_.at(name); }
  [[nodiscard]] const std::string& name(std::string_view event_id) const {
    return names_.at(std::string{event_id});
  }
  /// Holds the entries of `expected`, names by `type|state key`, against a state.
  void expect_state(const ReadableState& state, const nlohmann::json& expected) const;

 private:
  RoomModel room_;
  std::map<std::string, std::string> ids_;
  std::map<std::string, std::string> names_;
};

}  // namespace lares::matrix::test
