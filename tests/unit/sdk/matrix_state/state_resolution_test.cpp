// SPDX-License-Identifier: Apache-2.0
#include <lares/matrix/state_resolution.hpp>

#include "memory_store.hpp"
#include "naive_resolution.hpp"
#include "room_generator.hpp"
#include "room_model.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace lares::matrix {
namespace {

using test::generate_room;
using test::naive_resolution;
using test::ReadableState;
using test::RoomModel;

const RoomVersion& version(std::string_view id) {
  return *find_room_version(id);
}

/// Some states of the room, of which two at least may differ.
std::vector<StateMap> some_states(const RoomModel& room, const std::vector<EventPtr>& events,
                                  std::mt19937_64& random) {
  std::vector<StateMap> states;
  for (std::size_t count = 2 + random() % 3; count > 0; --count) {
    states.push_back(room.known(events[random() % events.size()]->event_id()).after);
  }
  return states;
}

std::vector<ReadableState> readable(const RoomModel& room, const std::vector<StateMap>& states) {
  std::vector<ReadableState> out;
  for (const StateMap& state : states) {
    out.push_back(room.readable(state));
  }
  return out;
}

class EveryVersion : public ::testing::TestWithParam<std::string_view> {};
INSTANTIATE_TEST_SUITE_P(Resolution, EveryVersion, ::testing::Values("1", "2", "6", "9", "10", "11", "12"));

TEST_P(EveryVersion, AgreesWithTheSpecificationsWords) {
  for (const ResolutionReading reading : {ResolutionReading::kAsDeployed, ResolutionReading::kAsWritten}) {
    for (std::uint64_t seed = 0; seed < 2; ++seed) {
      std::mt19937_64 random{seed + 1};
      RoomModel room{version(GetParam()), reading};
      const std::vector<EventPtr> events = generate_room(room, 90, random);
      ASSERT_GT(events.size(), 40U);
      for (int round = 0; round < 25; ++round) {
        const std::vector<StateMap> states = some_states(room, events, random);
        std::vector<std::string> refused;
        const ReadableState expected = naive_resolution(room, readable(room, states), reading, &refused);
        Resolution resolution = room.resolution(states);
        ResolutionStatus status{};
        while ((status = resolution.step(random() % 20 + 1)) == ResolutionStatus::kMore) {
        }
        ASSERT_EQ(status, ResolutionStatus::kDone);
        ASSERT_EQ(room.readable(resolution.result()), expected) << "seed " << seed << " round " << round;

        std::vector<std::string> refused_here;
        for (const ResolutionDecision& decision : resolution.decisions()) {
          if (decision.rule) {
            refused_here.emplace_back(room.find(decision.event)->event_id());
          }
        }
        // Version 1 has no order among places.
        std::ranges::sort(refused_here);
        std::ranges::sort(refused);
        ASSERT_EQ(refused_here, refused);
      }
    }
  }
}

/// The events in an order in which each comes after those it names, drawn anew.
std::vector<EventPtr> some_order(const std::vector<EventPtr>& events, std::mt19937_64& random) {
  std::map<std::string_view, std::vector<std::size_t>> named_by;
  std::vector<std::size_t> waits_for(events.size());
  std::vector<std::size_t> ready;
  for (std::size_t at = 0; at < events.size(); ++at) {
    std::set<std::string_view> named;
    for (const std::string_view id : events[at]->prev_events()) {
      named.insert(id);
    }
    for (const std::string_view id : events[at]->auth_events()) {
      named.insert(id);
    }
    for (const std::string_view id : named) {
      named_by[id].push_back(at);
    }
    waits_for[at] = named.size();
    if (named.empty()) {
      ready.push_back(at);
    }
  }
  std::vector<EventPtr> order;
  while (!ready.empty()) {
    std::swap(ready[random() % ready.size()], ready.back());
    order.push_back(events[ready.back()]);
    ready.pop_back();
    for (const std::size_t at : named_by[order.back()->event_id()]) {
      if (--waits_for[at] == 0) {
        ready.push_back(at);
      }
    }
  }
  return order;
}

/// The room as another server holds it that received the events in another order.
void expect_the_same_in_any_order(RoomModel& room, const std::vector<EventPtr>& events,
                                  std::mt19937_64& random) {
  RoomModel other{room.version()};
  const std::vector<EventPtr> order = some_order(events, random);
  ASSERT_EQ(order.size(), events.size());
  for (const EventPtr& event : order) {
    const RoomModel::Known& mine = other.receive(event);
    const RoomModel::Known& theirs = room.known(event->event_id());
    ASSERT_EQ(mine.rejected, theirs.rejected);
    ASSERT_EQ(mine.refused_by, theirs.refused_by);
    ASSERT_EQ(other.readable(mine.before), room.readable(theirs.before));
  }
  for (int round = 0; round < 10; ++round) {
    const std::vector<StateMap> states = some_states(room, events, random);
    std::vector<StateMap> same;
    for (const StateMap& state : states) {
      same.push_back(other.from_readable(room.readable(state)));
    }
    std::ranges::shuffle(same, random);
    ASSERT_EQ(other.readable(other.resolve(same)), room.readable(room.resolve(states)));
  }
}

std::size_t rejected_among(const RoomModel& room, const std::vector<EventPtr>& events) {
  return static_cast<std::size_t>(std::ranges::count_if(
      events, [&](const EventPtr& event) { return room.known(event->event_id()).rejected; }));
}

TEST_P(EveryVersion, AnyOrderOfArrivalGivesTheSameVerdictsAndStates) {
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    std::mt19937_64 random{seed + 51};
    RoomModel room{version(GetParam())};
    const std::vector<EventPtr> events = generate_room(room, 120, random);
    EXPECT_GT(rejected_among(room, events), 0U) << "the generator should try what is not allowed";
    for (int order = 0; order < 3; ++order) {
      expect_the_same_in_any_order(room, events, random);
    }
  }
}

class LargeRoom : public ::testing::TestWithParam<std::string_view> {};
// One version for each algorithm.
INSTANTIATE_TEST_SUITE_P(Resolution, LargeRoom, ::testing::Values("1", "10", "12"));

TEST_P(LargeRoom, OfThousandsOfEventsIsTheSameInAnyOrder) {
  std::mt19937_64 random{2026};
  RoomModel room{version(GetParam())};
  const std::vector<EventPtr> events = generate_room(room, 2000, random);
  ASSERT_EQ(events.size(), 2000U);
  EXPECT_GT(rejected_among(room, events), 100U);
  expect_the_same_in_any_order(room, events, random);
  const std::vector<StateMap> states = some_states(room, events, random);
  ASSERT_EQ(room.readable(room.resolve(states)),
            naive_resolution(room, readable(room, states), room.reading()));
}

TEST_P(EveryVersion, ResolvingEqualStatesIsTheIdentity) {
  std::mt19937_64 random{77};
  RoomModel room{version(GetParam())};
  const std::vector<EventPtr> events = generate_room(room, 60, random);
  for (const EventPtr& event : events) {
    const StateMap& state = room.known(event->event_id()).after;
    const StateMap same = room.from_readable(room.readable(state));
    ASSERT_EQ(room.readable(room.resolve({state})), room.readable(state));
    Resolution resolution = room.resolution({state, same, state});
    ASSERT_EQ(resolution.step(1), ResolutionStatus::kDone);
    ASSERT_EQ(room.readable(resolution.result()), room.readable(state));
    ASSERT_TRUE(resolution.conflicted_keys().empty());
    ASSERT_TRUE(resolution.decisions().empty());
  }
}

TEST_P(EveryVersion, UnconflictedEntriesStayAndWhatHoldsWasAllowed) {
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    std::mt19937_64 random{seed + 91};
    RoomModel room{version(GetParam())};
    const std::vector<EventPtr> events = generate_room(room, 90, random);
    for (int round = 0; round < 20; ++round) {
      const std::vector<StateMap> states = some_states(room, events, random);
      Resolution resolution = room.resolution(states);
      ASSERT_EQ(resolution.step(100'000), ResolutionStatus::kDone);
      const std::set<std::uint64_t> conflicted{resolution.conflicted_keys().begin(),
                                               resolution.conflicted_keys().end()};
      std::map<std::uint64_t, ResolutionDecision> decided;
      for (const ResolutionDecision& decision : resolution.decisions()) {
        ASSERT_TRUE(decided.emplace(decision.event, decision).second) << "each event is tried once";
        ASSERT_EQ(decision.winner, resolution.result().find(decision.key).value().value_or(0));
        ASSERT_EQ(decision.winner == decision.event, decision.outcome == ResolutionOutcome::kHeld)
            << describe(decision, room);
      }
      ASSERT_TRUE(states.front()
                      .for_each([&](std::uint64_t key, std::uint64_t event) {
                        EXPECT_TRUE(conflicted.contains(key) ||
                                    resolution.result().find(key).value() == event);
                        return true;
                      })
                      .has_value());
      for (const std::uint64_t key : conflicted) {
        const auto held = resolution.result().find(key).value();
        if (!held) {
          continue;
        }
        const ResolutionDecision& decision = decided.at(*held);
        ASSERT_EQ(decision.outcome, ResolutionOutcome::kHeld);
        // In version 1 an event stands without having passed where none of its key has.
        ASSERT_TRUE(!decision.rule || version(GetParam()).state_resolution == StateResolution::kV1)
            << describe(decision, room);
      }
    }
  }
}

TEST(Resolution, AsksForWhatItMissesAndGoesOn) {
  std::mt19937_64 random{5};
  RoomModel room{version("12")};
  const std::vector<EventPtr> events = generate_room(room, 80, random);

  /// Knows nothing at first, and takes from the room what it is asked for.
  class Sparse final : public ResolutionSource {
   public:
    explicit Sparse(const RoomModel& whole) : whole_{whole} {}
    const Event* find(std::uint64_t event) const override {
      return have.contains(event) ? whole_.find(event) : nullptr;
    }
    std::uint64_t number(std::string_view event_id) const override {
      const std::uint64_t number = whole_.number(event_id);
      return have.contains(number) ? number : 0;
    }
    bool rejected(std::uint64_t event) const override { return whole_.rejected(event); }
    std::uint64_t key(std::string_view type, std::string_view state_key) const override {
      return whole_.key(type, state_key);
    }
    std::set<std::uint64_t> have;

   private:
    const RoomModel& whole_;
  };

  test::MemoryStore store;
  for (int round = 0; round < 10; ++round) {
    const std::vector<StateMap> states = some_states(room, events, random);
    std::vector<StateMap> opened;
    for (const StateMap& state : states) {
      opened.push_back(StateMap::open(store.save(state)));
    }
    Sparse sparse{room};
    Resolution resolution{version("12"), opened, room.index(), sparse};
    NodeStore* given = nullptr;
    bool asked_for_state = false;
    std::size_t questions = 0;
    ResolutionStatus status{};
    while ((status = resolution.step(1000, given)) != ResolutionStatus::kDone) {
      ASSERT_LT(++questions, 20U);
      if (status == ResolutionStatus::kMissingState) {
        EXPECT_EQ(resolution.state_error().code, StateMapErrorCode::kNotLoaded);
        given = &store;
        asked_for_state = true;
        continue;
      }
      ASSERT_EQ(status, ResolutionStatus::kMissingEvents);
      sparse.have.insert(resolution.missing_events().begin(), resolution.missing_events().end());
      for (const std::string& id : resolution.missing_ids()) {
        sparse.have.insert(room.number(id));
      }
    }
    EXPECT_TRUE(asked_for_state);
    EXPECT_EQ(room.readable(resolution.result()), room.readable(room.resolve(states)));
  }
}

TEST(Resolution, NamesTheEventThatTheIndexLacks) {
  std::mt19937_64 random{6};
  RoomModel room{version("11")};
  const std::vector<EventPtr> events = generate_room(room, 40, random);
  const AuthChainIndex empty;
  std::optional<Resolution> resolution;
  while (true) {
    const std::vector<StateMap> states = some_states(room, events, random);
    resolution.emplace(version("11"), states, empty, room);
    const ResolutionStatus status = resolution->step(100);
    if (status == ResolutionStatus::kDone) {
      continue;  // these states were equal
    }
    ASSERT_EQ(status, ResolutionStatus::kMissingChains);
    ASSERT_EQ(resolution->missing_events().size(), 1U);
    break;
  }
}

}  // namespace
}  // namespace lares::matrix
