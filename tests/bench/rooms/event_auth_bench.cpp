// SPDX-License-Identifier: Apache-2.0
#include "sample_events.hpp"

#include <benchmark/benchmark.h>
#include <lares/matrix/event_auth.hpp>

#include <string>
#include <unordered_map>

namespace {

using namespace lares;
using namespace lares::matrix;

/// A room with some members and the power levels of `users` of them.
class Room {
 public:
  explicit Room(int users) {
    add("m.room.create", "", R"({"room_version":"11"})");
    std::string levels =
        R"({"ban":50,"events":{"m.room.avatar":50,"m.room.canonical_alias":50,"m.room.encryption":100,)"
        R"("m.room.history_visibility":100,"m.room.name":50,"m.room.power_levels":100,)"
        R"("m.room.server_acl":100,"m.room.tombstone":100},"events_default":0,"invite":0,"kick":50,)"
        R"("notifications":{"room":50},"redact":50,"state_default":50,"users":{"@alice.wonderland:matrix.example.org":100)";
    for (int i = 1; i < users; ++i) {
      levels += ",\"@moderator" + std::to_string(i) + ":matrix.example.org\":50";
    }
    add("m.room.power_levels", "", levels + R"(},"users_default":0})");
    add("m.room.join_rules", "", R"({"join_rule":"public"})");
    add("m.room.member", "@alice.wonderland:matrix.example.org",
        R"({"displayname":"Alice","membership":"join"})");
  }

  EventPtr make(const std::string& type, std::optional<std::string> state_key, const std::string& content) {
    EventDraft draft = bench::sample_draft();
    draft.type = type;
    draft.state_key = std::move(state_key);
    draft.content = content;
    if (type == "m.room.create") {
      draft.prev_events.clear();
      draft.auth_events.clear();
    }
    return *build_unsigned(draft, *find_room_version("11"));
  }
  [[nodiscard]] const Event* find(std::string_view type, std::string_view state_key) const {
    for (const EventPtr& event : state_) {
      if (event->is_state(type, state_key)) {
        return event.get();
      }
    }
    return nullptr;
  }

 private:
  void add(const std::string& type, const std::string& state_key, const std::string& content) {
    state_.push_back(make(type, state_key, content));
  }

  std::vector<EventPtr> state_;
};

void authorise_in(benchmark::State& state, const Room& room, const Event& event) {
  const auto find = [&](std::string_view type, std::string_view state_key) {
    return room.find(type, state_key);
  };
  for (auto _ : state) {
    if (!authorise(event, find)) {
      state.SkipWithError("refused");
    }
  }
}

/// The argument is the number of users that the power levels name.
void AuthoriseMessage(benchmark::State& state) {
  Room room{static_cast<int>(state.range(0))};
  authorise_in(state, room, *bench::sample_event());
}
BENCHMARK(AuthoriseMessage)->Arg(1)->Arg(10)->Arg(100);

void AuthoriseState(benchmark::State& state) {
  Room room{10};
  authorise_in(state, room, *room.make("m.room.topic", "", R"({"topic":"x"})"));
}
BENCHMARK(AuthoriseState);

void AuthoriseJoin(benchmark::State& state) {
  Room room{10};
  authorise_in(state, room,
               *room.make("m.room.member", "@alice.wonderland:matrix.example.org",
                          R"({"displayname":"Alice","membership":"join"})"));
}
BENCHMARK(AuthoriseJoin);

/// The level of the last user is another one; the argument is again the number of users.
void AuthorisePowerLevels(benchmark::State& state) {
  Room room{static_cast<int>(state.range(0))};
  std::string levels{room.find("m.room.power_levels", "")->content().bytes()};
  const std::size_t last = levels.find(":50},\"users_default\"");
  levels.replace(last, 3, ":75");
  authorise_in(state, room, *room.make("m.room.power_levels", "", levels));
}
BENCHMARK(AuthorisePowerLevels)->Arg(10)->Arg(1000);

void SelectAuthEvents(benchmark::State& state) {
  const EventPtr event = bench::sample_event();
  for (auto _ : state) {
    benchmark::DoNotOptimize(auth_events_for(AuthSubject{*event}, event->version()));
  }
}
BENCHMARK(SelectAuthEvents);

}  // namespace
