// SPDX-License-Identifier: Apache-2.0
// The cases of tests/unit/sdk/matrix_state/cases: each tells a story of a room, and which state comes out of
// it.
#include "naive_resolution.hpp"
#include "story.hpp"

#include <lares/matrix/state_resolution.hpp>

#include <algorithm>

namespace lares::matrix {
namespace {

using nlohmann::json;
using test::Place;
using test::ReadableState;
using test::Story;

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

/// The states that the story wants merged.
std::vector<StateMap> states_of(Story& story, const json& told) {
  std::vector<StateMap> states;
  if (!told.contains("states")) {
    for (const std::string name : told.at("resolve")) {
      states.push_back(story.room().known(story.id(name)).after);
    }
    return states;
  }
  for (const json& names : told.at("states")) {
    ReadableState state;
    for (const std::string name : names) {
      const EventPtr& event = story.event(name);
      state[Place{event->type(), *event->state_key()}] = event->event_id();
    }
    states.push_back(story.room().from_readable(state));
  }
  return states;
}

void expect(Story& story, std::vector<StateMap> states, const json& expected) {
  std::vector<ReadableState> readable;
  for (const StateMap& state : states) {
    readable.push_back(story.room().readable(state));
  }
  const ReadableState slow = naive_resolution(story.room(), readable, story.room().reading());
  // The order of the states decides nothing.
  for (std::size_t turn = 0; turn < states.size(); ++turn) {
    Resolution resolution = story.room().resolution(states);
    ASSERT_EQ(resolution.step(1'000'000), ResolutionStatus::kDone);
    const ReadableState result = story.room().readable(resolution.result());
    EXPECT_EQ(result, slow);
    story.expect_state(result, expected.at("state"));
    std::map<std::string, std::string_view> outcomes;
    std::string trace;
    for (const ResolutionDecision& decision : resolution.decisions()) {
      outcomes[story.name(story.room().find(decision.event)->event_id())] = word(decision.outcome);
      trace += describe(decision, story.room()) + "\n";
    }
    for (const auto& [name, outcome] : expected.value("outcomes", json::object()).items()) {
      EXPECT_EQ(outcomes[name], outcome.get<std::string>()) << name << " of\n" << trace;
    }
    std::ranges::rotate(states, states.begin() + 1);
  }
}

class Case : public ::testing::TestWithParam<std::filesystem::path> {};
INSTANTIATE_TEST_SUITE_P(Resolution, Case, ::testing::ValuesIn(test::story_files("cases")), test::story_name);

TEST_P(Case, EndsAsItIsTold) {
  const json told = test::read_story(GetParam());
  for (const json& expected : told.at("expect")) {
    for (const std::string id : expected.at("versions")) {
      SCOPED_TRACE(told.at("name").get<std::string>() + ", version " + id);
      const RoomVersion* version = find_room_version(id);
      ASSERT_NE(version, nullptr);
      const bool as_written = expected.value("reading", "as deployed") == "as written";
      Story story{told, *version,
                  as_written ? ResolutionReading::kAsWritten : ResolutionReading::kAsDeployed};
      expect(story, states_of(story, told), expected);
    }
  }
}

}  // namespace
}  // namespace lares::matrix
