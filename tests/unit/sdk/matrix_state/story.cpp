// SPDX-License-Identifier: Apache-2.0
#include "story.hpp"

#include <algorithm>
#include <fstream>

namespace lares::matrix::test {

using nlohmann::json;

namespace {

/// What versions ask for that the story does not tell.
json content_in(const RoomVersion& version, const json& event, const std::string& creator) {
  json content = event.at("content");
  if (event.at("type") == "m.room.create") {
    content["room_version"] = version.id;
    if (!version.implicit_creator) {
      content["creator"] = creator;
    }
  }
  if (event.at("type") == "m.room.power_levels" && version.privileged_creators) {
    content["users"].erase(creator);
  }
  return content;
}

}  // namespace

std::vector<std::filesystem::path> story_files(std::string_view folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator{std::string{LARES_TEST_DATA "/"} + std::string{folder}}) {
    if (entry.path().extension() == ".json") {
      files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  return files;
}

json read_story(const std::filesystem::path& file) {
  std::ifstream in{file};
  return json::parse(in);
}

std::string story_name(const ::testing::TestParamInfo<std::filesystem::path>& file) {
  return file.param.stem().string();
}

Story::Story(const json& told, const RoomVersion& version, ResolutionReading reading)
    : room_{version, reading} {
  const std::string creator = told.at("events").at(0).at("sender");
  std::int64_t time = 1'000;
  std::string last;
  for (const json& event : told.at("events")) {
    EventDraft draft;
    draft.type = event.at("type");
    if (event.contains("state_key")) {
      draft.state_key = event.at("state_key").get<std::string>();
    }
    draft.sender = event.at("sender");
    draft.content = content_in(version, event, creator).dump();
    draft.origin_server_ts = event.value("ts", time += 10);
    std::vector<std::string> after;
    if (event.contains("after")) {
      for (const std::string name : event.at("after")) {
        after.push_back(ids_.at(name));
      }
    } else if (!last.empty()) {
      after.push_back(last);
    }
    const EventPtr made = room_.make(std::move(draft), after);
    const RoomModel::Known& known = room_.receive(made);
    const std::string name = event.at("name");
    EXPECT_EQ(known.rejected, event.value("rejected", false))
        << name << (known.refused_by ? ": " + describe(*known.refused_by, version) : "");
    last = std::string{made->event_id()};
    ids_.emplace(name, last);
    names_.emplace(last, name);
  }
}

void Story::expect_state(const ReadableState& state, const json& expected) const {
  for (const auto& [place, name] : expected.items()) {
    const std::size_t bar = place.find('|');
    const auto found = state.find(Place{place.substr(0, bar), place.substr(bar + 1)});
    EXPECT_EQ(found == state.end() ? "" : names_.at(found->second),
              name.is_null() ? "" : name.get<std::string>())
        << place;
  }
}

}  // namespace lares::matrix::test
