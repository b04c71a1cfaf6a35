// SPDX-License-Identifier: Apache-2.0
#include "room_generator.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace lares::matrix::test {

namespace {

class Generator {
 public:
  Generator(RoomModel& room, std::mt19937_64& random) : room_{room}, random_{random} {
    for (int index = 0; index < 7; ++index) {
      users_.push_back(fmt::format("@u{}:{}", index, "abc"[index % 3]));
    }
  }

  std::vector<EventPtr> run(std::size_t size) {
    const std::string& creator = users_[0];
    const std::string creation =
        room_.version().implicit_creator
            ? fmt::format(R"({{"room_version":"{}"}})", room_.version().id)
            : fmt::format(R"({{"creator":"{}","room_version":"{}"}})", creator, room_.version().id);
    must(creator, "m.room.create", "", creation);
    must(creator, "m.room.member", creator, R"({"membership":"join"})");
    must(creator, "m.room.power_levels", "", levels());
    must(creator, "m.room.join_rules", "", R"({"join_rule":"public"})");
    for (std::size_t index = 1; index < users_.size(); ++index) {
      must(users_[index], "m.room.member", users_[index], R"({"membership":"join"})");
    }
    for (std::size_t tries = 0; events_.size() < size && tries < size * 40; ++tries) {
      attempt();
    }
    return events_;
  }

 private:
  const std::string& anyone() { return users_[random_() % users_.size()]; }
  std::size_t chance(std::size_t of) { return random_() % of; }

  std::string levels() {
    std::string content =
        fmt::format(R"({{"ban":{},"kick":{},"invite":{},"state_default":{},"users_default":0,"users":{{)",
                    chance(3) * 25, chance(3) * 25, chance(2) * 50, chance(3) * 25);
    const bool names_creator = !room_.version().privileged_creators;
    std::string users;
    for (std::size_t index = names_creator ? 0 : 1; index < users_.size(); ++index) {
      const std::size_t level = index == 0 ? 100 : chance(3) == 0 ? 100 : chance(5) * 25;
      users += fmt::format(R"({}"{}":{})", users.empty() ? "" : ",", users_[index], level);
    }
    return content + users + "}}";
  }

  /// Now and then clocks stand still or go wrong.
  std::int64_t time() {
    now_ += static_cast<std::int64_t>(chance(3)) * 10;
    return chance(8) == 0 ? static_cast<std::int64_t>(chance(1000)) : now_;
  }

  EventPtr make(const std::string& sender, const std::string& type,
                const std::optional<std::string>& state_key, const std::string& content,
                const std::vector<std::string>& after) {
    EventDraft draft;
    draft.type = type;
    draft.sender = sender;
    draft.state_key = state_key;
    draft.content = content;
    draft.origin_server_ts = time();
    return room_.make(std::move(draft), after);
  }

  void must(const std::string& sender, const std::string& type, const std::string& state_key,
            const std::string& content) {
    std::vector<std::string> after;
    if (!events_.empty()) {
      after.emplace_back(events_.back()->event_id());
    }
    take(make(sender, type, state_key, content, after));
  }

  void take(const EventPtr& event) {
    room_.receive(event);
    events_.push_back(event);
  }

  void attempt() {
    std::vector<std::string> after;
    for (std::size_t count = chance(3) == 0 ? 2 + chance(2) : 1; count > 0; --count) {
      // A room in which nobody may do anything any more goes on from an older place.
      const std::size_t reach = refused_ > 200 ? events_.size() : 8;
      const std::size_t back = chance(std::min<std::size_t>(events_.size() - 9, reach));
      const std::string id{events_[events_.size() - 1 - back]->event_id()};
      // What was rejected is no place to go on from, as a rule.
      if (std::ranges::find(after, id) == after.end() && !room_.known(id).rejected) {
        after.push_back(id);
      }
    }
    if (after.empty()) {
      return;
    }
    const std::string& sender = anyone();
    const std::string& other = anyone();
    EventPtr event;
    switch (chance(12)) {
      case 0:
      case 1:
        event = make(sender, "m.room.member", sender, R"({"membership":"join"})", after);
        break;
      case 2:
        event = make(sender, "m.room.member", sender, R"({"membership":"leave"})", after);
        break;
      case 3:
        event = make(sender, "m.room.member", other, R"({"membership":"invite"})", after);
        break;
      case 4:
        event = make(sender, "m.room.member", other, R"({"membership":"leave"})", after);
        break;
      case 5:
        event = make(sender, "m.room.member", other, R"({"membership":"ban"})", after);
        break;
      case 6:
      case 7:
        event = make(sender, "m.room.power_levels", "", levels(), after);
        break;
      case 8:
        event = make(sender, "m.room.join_rules", "",
                     chance(2) == 0 ? R"({"join_rule":"public"})" : R"({"join_rule":"invite"})", after);
        break;
      case 9:
        event = make(sender, "m.room.topic", "", fmt::format(R"({{"topic":"{}"}})", chance(100)), after);
        break;
      case 10:
        event = make(sender, "org.example.note", fmt::format("{}", chance(3)), R"({"note":1})", after);
        break;
      default:
        event = make(sender, "m.room.message", std::nullopt, R"({"body":"hello"})", after);
        break;
    }
    if (room_.has(event->event_id())) {
      return;
    }
    const std::size_t keep = chance(10);
    // A refused event is mostly forgotten, so that rooms do not fill up with them.
    RoomModel::Known verdict = judge(event);
    if (verdict.rejected && keep != 0) {
      ++refused_;
      return;
    }
    refused_ = verdict.rejected ? refused_ : 0;
    take(event);
  }

  RoomModel::Known judge(const EventPtr& event) {
    const auto lookup_in = [&](const StateMap& state) {
      return [this, state](std::string_view type, std::string_view state_key) {
        return room_.at(state, type, state_key);
      };
    };
    std::vector<std::string> after;
    for (const std::string_view id : event->prev_events()) {
      after.emplace_back(id);
    }
    RoomModel::Known verdict;
    const auto lookup = lookup_in(room_.state_after(after));
    verdict.rejected = !authorise(*event, lookup);
    return verdict;
  }

  RoomModel& room_;
  std::mt19937_64& random_;
  std::vector<std::string> users_;
  std::vector<EventPtr> events_;
  std::int64_t now_ = 1'000;
  std::size_t refused_ = 0;  // in a row
};

}  // namespace

std::vector<EventPtr> generate_room(RoomModel& room, std::size_t size, std::mt19937_64& random) {
  return Generator{room, random}.run(size);
}

}  // namespace lares::matrix::test
