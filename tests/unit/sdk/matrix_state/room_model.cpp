// SPDX-License-Identifier: Apache-2.0
#include "room_model.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <stdexcept>

namespace lares::matrix::test {

RoomModel::RoomModel(const RoomVersion& version, ResolutionReading reading)
    : version_{&version}, reading_{reading} {}

std::uint64_t RoomModel::intern(std::string_view type, std::string_view state_key) {
  const auto [at, added] = keys_.try_emplace(Place{type, state_key}, keys_.size() + 1);
  if (added) {
    places_.push_back(at->first);
  }
  return at->second;
}

const Event* RoomModel::find(std::uint64_t event) const {
  return event == 0 || event > events_.size() ? nullptr : events_[event - 1].event.get();
}
std::uint64_t RoomModel::number(std::string_view event_id) const {
  const auto found = numbers_.find(event_id);
  return found == numbers_.end() ? 0 : found->second;
}
bool RoomModel::rejected(std::uint64_t event) const {
  return events_.at(event - 1).rejected;
}
std::uint64_t RoomModel::key(std::string_view type, std::string_view state_key) const {
  const auto found = keys_.find(Place{type, state_key});
  return found == keys_.end() ? 0 : found->second;
}

const RoomModel::Known& RoomModel::known(std::string_view event_id) const {
  const std::uint64_t found = number(event_id);
  if (found == 0) {
    throw std::invalid_argument{fmt::format("event {} is not in the room", event_id)};
  }
  return events_[found - 1];
}

Resolution RoomModel::resolution(std::vector<StateMap> states) const {
  return Resolution{*version_, std::move(states), index_, *this, reading_};
}

StateMap RoomModel::resolve(std::vector<StateMap> states) const {
  Resolution resolution_of = resolution(std::move(states));
  while (true) {
    switch (resolution_of.step(7)) {
      case ResolutionStatus::kDone:
        return resolution_of.result();
      case ResolutionStatus::kMore:
        break;
      default:
        throw std::logic_error{"the resolution misses something"};
    }
  }
}

StateMap RoomModel::state_after(const std::vector<std::string>& event_ids) {
  std::vector<StateMap> states;
  for (const std::string& id : event_ids) {
    states.push_back(known(id).after);
  }
  return states.empty() ? StateMap{} : resolve(std::move(states));
}

const Event* RoomModel::at(const StateMap& state, std::string_view type, std::string_view state_key) const {
  return find(state.find(key(type, state_key)).value().value_or(0));
}

const RoomModel::Known& RoomModel::receive(const EventPtr& event) {
  if (has(event->event_id())) {
    return known(event->event_id());
  }
  std::vector<std::string> prev_events;
  for (const std::string_view id : event->prev_events()) {
    prev_events.emplace_back(id);
  }
  Known now;
  now.event = event;
  now.before = state_after(prev_events);

  std::vector<AuthEvent> auth_events;
  std::vector<std::uint64_t> auth_numbers;
  for (const std::string_view id : event->auth_events()) {
    const Known& auth_event = known(id);
    auth_events.push_back({auth_event.event.get(), auth_event.rejected});
    auth_numbers.push_back(number(id));
  }
  AuthEvent create;
  if (const auto id = event->create_event_id(); id && has(*id)) {
    create = {known(*id).event.get(), known(*id).rejected};
  }
  const auto in_auth_events = [&](std::string_view type, std::string_view state_key) -> const Event* {
    if (create.event != nullptr && create.event->is_state(type, state_key)) {
      return create.event;
    }
    const auto found = std::ranges::find_if(
        auth_events, [&](const AuthEvent& candidate) { return candidate.event->is_state(type, state_key); });
    return found == auth_events.end() ? nullptr : found->event;
  };
  const auto in_state = [&](std::string_view type, std::string_view state_key) {
    return at(now.before, type, state_key);
  };
  AuthVerdict verdict =
      authorise_auth_events(*event, auth_events, create.event == nullptr ? nullptr : &create);
  verdict = verdict ? authorise(*event, in_auth_events) : verdict;
  verdict = verdict ? authorise(*event, in_state) : verdict;
  if (!verdict) {
    now.rejected = true;
    now.refused_by = verdict.error();
  }

  const std::uint64_t mine = events_.size() + 1;
  now.after = now.before;
  if (event->is_state() && !now.rejected) {
    const std::uint64_t place = intern(event->type(), *event->state_key());
    now.after = now.before.with(place, mine).value();
    if (!index_.add(mine, place, auth_numbers)) {
      throw std::logic_error{"auth events are not in the index"};
    }
  }
  numbers_.emplace(event->event_id(), mine);
  room_id_ = std::string{event->room_id()};
  events_.push_back(std::move(now));
  return events_.back();
}

ReadableState RoomModel::readable(const StateMap& state) const {
  ReadableState out;
  static_cast<void>(state.for_each([&](std::uint64_t place, std::uint64_t event) {
    out.emplace(places_.at(place - 1), std::string{find(event)->event_id()});
    return true;
  }));
  return out;
}

StateMap RoomModel::from_readable(const ReadableState& state) {
  std::vector<StateChange> entries;
  for (const auto& [place, id] : state) {
    entries.push_back({intern(place.first, place.second), number(id)});
  }
  return StateMap{}.with(entries).value();
}

EventPtr RoomModel::make(EventDraft draft, const std::vector<std::string>& after,
                         const std::optional<std::vector<std::string>>& auth_events) {
  const StateMap state = state_after(after);
  std::int64_t depth = 0;
  for (const std::string& id : after) {
    const EventPtr& event = known(id).event;
    draft.prev_events.emplace_back(*event);
    depth = std::max(depth, event->depth());
  }
  draft.depth = depth + 1;
  const bool creates = draft.type == "m.room.create";
  if (!creates || !version_->room_id_is_create_hash) {
    draft.room_id = room_id_.value_or("!room:a");
  }
  if (version_->has_event_id_field()) {
    draft.event_id = fmt::format("${}-{}:a", ++made_, draft.type);
  }
  if (auth_events) {
    for (const std::string& id : *auth_events) {
      draft.auth_events.emplace_back(*known(id).event);
    }
  } else if (!creates) {
    for (const StateKey& wanted : auth_events_for(AuthSubject{draft}, *version_)) {
      if (const Event* event = at(state, wanted.type, wanted.state_key)) {
        draft.auth_events.emplace_back(*event);
      }
    }
  }
  auto made = build_unsigned(draft, *version_);
  if (!made) {
    throw std::invalid_argument{fmt::format("{}: {}", draft.type, describe(made.error()))};
  }
  return *made;
}

}  // namespace lares::matrix::test
