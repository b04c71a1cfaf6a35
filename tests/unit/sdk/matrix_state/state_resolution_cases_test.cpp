// SPDX-License-Identifier: Apache-2.0
// The cases of tests/unit/sdk/matrix_state/cases: each tells a story of a room, and which state comes out of
// it.
#include "naive_resolution.hpp"
#include "room_model.hpp"

#include <lares/matrix/state_resolution.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

namespace lares::matrix {
namespace {

using nlohmann::json;
using test::Place;
using test::ReadableState;
using test::RoomModel;

std::vector<std::filesystem::path> case_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator{LARES_TEST_DATA "/cases"}) {
    if (entry.path().extension() == ".json") {
      files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  return files;
}

json read(const std::filesystem::path& file) {
  std::ifstream in{file};
  return json::parse(in);
}

std::string_view word(ResolutionOutcome outcome) {
  switch (outcome) {
    case ResolutionOutcome::kHeld:
      return "held";
    case ResolutionOutcome::kRefused:
      return "refused";
    case ResolutionOutcome::kReplaced:
      return "replaced";
    case ResolutionOutcome::kOverruled:
      return "overruled";
    case ResolutionOutcome::kNotTried:
      return "not tried";
  }
  return "";
}

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

class Story {
 public:
  Story(const json& told, const RoomVersion& version, ResolutionReading reading) : room_{version, reading} {
    const std::string creator = told.at("events").at(0).at("sender");
    std::int64_t time = 1'000;
    std::string last;
    for (const json& event : told.at("events")) {
      EventDraft draft;
      draft.type = event.at("type");
      draft.state_key = event.at("state_key").get<std::string>();
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
      EXPECT_FALSE(known.rejected) << name << ": " << describe(*known.refused_by, version);
      last = std::string{made->event_id()};
      ids_.emplace(name, last);
      names_.emplace(last, name);
    }
    if (told.contains("states")) {
      for (const json& names : told.at("states")) {
        ReadableState state;
        for (const std::string name : names) {
          const EventPtr& event = room_.known(ids_.at(name)).event;
          state[Place{event->type(), *event->state_key()}] = event->event_id();
        }
        states_.push_back(room_.from_readable(state));
      }
    } else {
      for (const std::string name : told.at("resolve")) {
        states_.push_back(room_.known(ids_.at(name)).after);
      }
    }
  }

  void expect(const json& expected) {
    std::vector<ReadableState> readable;
    for (const StateMap& state : states_) {
      readable.push_back(room_.readable(state));
    }
    const ReadableState slow = naive_resolution(room_, readable, room_.reading());
    // The order of the states decides nothing.
    std::ranges::sort(states_, {}, [](const StateMap& state) { return state.size().value(); });
    do {
      Resolution resolution = room_.resolution(states_);
      ASSERT_EQ(resolution.step(1'000'000), ResolutionStatus::kDone);
      const ReadableState result = room_.readable(resolution.result());
      EXPECT_EQ(result, slow);
      for (const auto& [place, name] : expected.at("state").items()) {
        const std::size_t bar = place.find('|');
        const auto found = result.find(Place{place.substr(0, bar), place.substr(bar + 1)});
        EXPECT_EQ(found == result.end() ? "" : names_.at(found->second),
                  name.is_null() ? "" : name.get<std::string>())
            << place;
      }
      std::map<std::string, std::string_view> outcomes;
      std::string trace;
      for (const ResolutionDecision& decision : resolution.decisions()) {
        outcomes[names_.at(std::string{room_.find(decision.event)->event_id()})] = word(decision.outcome);
        trace += describe(decision, room_) + "\n";
      }
      for (const auto& [name, outcome] : expected.value("outcomes", json::object()).items()) {
        EXPECT_EQ(outcomes[name], outcome.get<std::string>()) << name << " of\n" << trace;
      }
      std::ranges::rotate(states_, states_.begin() + 1);
    } while (++turn_ < states_.size());
  }

 private:
  RoomModel room_;
  std::map<std::string, std::string> ids_;
  std::map<std::string, std::string> names_;
  std::vector<StateMap> states_;
  std::size_t turn_ = 0;
};

class Case : public ::testing::TestWithParam<std::filesystem::path> {};
INSTANTIATE_TEST_SUITE_P(Resolution, Case, ::testing::ValuesIn(case_files()),
                         [](const ::testing::TestParamInfo<std::filesystem::path>& file) {
                           return file.param.stem().string();
                         });

TEST_P(Case, EndsAsItIsTold) {
  const json told = read(GetParam());
  for (const json& expected : told.at("expect")) {
    for (const std::string id : expected.at("versions")) {
      SCOPED_TRACE(told.at("name").get<std::string>() + ", version " + id);
      const RoomVersion* version = find_room_version(id);
      ASSERT_NE(version, nullptr);
      const bool as_written = expected.value("reading", "as deployed") == "as written";
      Story story{told, *version,
                  as_written ? ResolutionReading::kAsWritten : ResolutionReading::kAsDeployed};
      story.expect(expected);
    }
  }
}

}  // namespace
}  // namespace lares::matrix
