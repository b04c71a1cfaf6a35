// SPDX-License-Identifier: Apache-2.0
#include "forked_room.hpp"

#include <fmt/core.h>

#include <stdexcept>

namespace lares::matrix::bench {

namespace {

constexpr std::size_t kModerators = 50;

std::string member(std::size_t index) {
  return fmt::format("@member-{}:example.org", index);
}
std::string text_of(std::string_view type, std::string_view state_key) {
  std::string text{type};
  text.push_back('\0');
  return text.append(state_key);
}

/// The levels of a room whose moderators have 50; `revision` tells one change from the next.
std::string levels(std::size_t revision) {
  std::string content = fmt::format(R"({{"events":{{"org.example.revision":{}}},"users":{{)", revision % 50);
  for (std::size_t index = 0; index < kModerators; ++index) {
    content += fmt::format(R"({}"{}":{})", index == 0 ? "" : ",", member(index), index == 0 ? 100 : 50);
  }
  return content + "}}";
}

}  // namespace

std::uint64_t ForkedRoom::key_of(const std::string& type, const std::string& state_key) {
  return keys_.try_emplace(text_of(type, state_key), keys_.size() + 1).first->second;
}

std::uint64_t ForkedRoom::key(std::string_view type, std::string_view state_key) const {
  const auto found = keys_.find(text_of(type, state_key));
  return found == keys_.end() ? 0 : found->second;
}

const Event* ForkedRoom::find(std::uint64_t event) const {
  return event == 0 || event > events_.size() ? nullptr : events_[event - 1].get();
}

std::uint64_t ForkedRoom::number(std::string_view event_id) const {
  const auto found = numbers_.find(std::string{event_id});
  return found == numbers_.end() ? 0 : found->second;
}

std::uint64_t ForkedRoom::place(std::uint64_t event, std::uint64_t key,
                                std::vector<std::uint64_t> auth_events) {
  if (!index_.add(event, key, auth_events)) {
    throw std::logic_error{"auth events come first"};
  }
  added_.push_back({event, key, std::move(auth_events)});
  return event;
}

StateMap ForkedRoom::send(const StateMap& state, const std::string& sender, const std::string& type,
                          const std::string& state_key, const std::string& content) {
  EventDraft draft;
  draft.type = type;
  draft.state_key = state_key;
  draft.sender = sender;
  draft.content = content;
  draft.origin_server_ts = now_ += 10;
  draft.depth = static_cast<std::int64_t>(events_.size());
  if (type != "m.room.create" || !version_->room_id_is_create_hash) {
    draft.room_id = room_id_;
  }
  std::vector<std::uint64_t> auth_events;
  for (const StateKey& wanted : auth_events_for(AuthSubject{draft}, *version_)) {
    const std::uint64_t number = state.find(key(wanted.type, wanted.state_key)).value().value_or(0);
    if (const Event* event = find(number)) {
      auth_events.push_back(number);
      draft.auth_events.emplace_back(std::string{event->event_id()});
    }
  }
  EventPtr event = build_unsigned(draft, *version_).value();
  room_id_ = std::string{event->room_id()};
  events_.resize(next_event_);
  events_.back() = event;
  numbers_.emplace(event->event_id(), next_event_);
  const std::uint64_t own_key = key_of(type, state_key);
  return state.with(own_key, place(next_event_++, own_key, std::move(auth_events))).value();
}

ForkedRoom::ForkedRoom(std::size_t members, std::size_t changes, const RoomVersion& version)
    : version_{&version} {
  const std::string creator = "@creator:example.org";
  StateMap state;
  state = send(state, creator, "m.room.create", "", fmt::format(R"({{"room_version":"{}"}})", version.id));
  state = send(state, creator, "m.room.member", creator, R"({"membership":"join"})");
  state = send(state, creator, "m.room.power_levels", "", levels(0));
  state = send(state, creator, "m.room.join_rules", "", R"({"join_rule":"public"})");
  // Those who act or are acted upon are there as events.
  const std::size_t spoken_of = std::min(members, kModerators + changes);
  for (std::size_t index = 0; index < spoken_of; ++index) {
    state = send(state, member(index), "m.room.member", member(index), R"({"membership":"join"})");
  }
  std::vector<StateChange> others;
  std::vector<std::uint64_t> auth_events;
  for (const auto& [type, state_key] : {std::pair{"m.room.create", ""}, std::pair{"m.room.power_levels", ""},
                                        std::pair{"m.room.join_rules", ""}}) {
    if (!version.room_id_is_create_hash || std::string_view{type} != "m.room.create") {
      auth_events.push_back(state.find(key(type, state_key)).value().value());
    }
  }
  for (std::size_t index = spoken_of; index < members; ++index) {
    const std::uint64_t own_key = key_of("m.room.member", member(index));
    others.push_back({own_key, place(next_event_++, own_key, auth_events)});
  }
  state = state.with(others).value();

  for (int fork = 0; fork < 2; ++fork) {
    StateMap now = state;
    const std::size_t level_changes = std::min<std::size_t>(10, changes / 5 + 1);
    for (std::size_t index = 0; index < level_changes; ++index) {
      now =
          send(now, member(0), "m.room.power_levels", "", levels(index * 2 + static_cast<std::size_t>(fork)));
    }
    for (std::size_t index = 1; index < changes; ++index) {
      const std::string& moderator = member(1 + index % (kModerators - 1));
      const std::string target = member(kModerators + index);
      switch (index % 3) {
        case 0:
          now = send(now, moderator, "m.room.member", target,
                     fork == 0 ? R"({"membership":"ban"})" : R"({"membership":"leave"})");
          break;
        case 1:
          now = send(now, target, "m.room.member", target,
                     fmt::format(R"({{"displayname":"{}","membership":"join"}})", fork));
          break;
        default:
          now = send(now, moderator, "org.example.note", fmt::format("{}", index),
                     fmt::format(R"({{"n":{}}})", fork));
          break;
      }
    }
    forks_.push_back(now);
  }
}

}  // namespace lares::matrix::bench
