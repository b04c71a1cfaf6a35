// SPDX-License-Identifier: Apache-2.0
#include "state_resolution_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace lares::matrix {

namespace {

constexpr std::string_view kCreate = "m.room.create";

}  // namespace

ResolutionSource::~ResolutionSource() = default;

std::optional<ResolutionStatus> Resolution::Data::missing() const noexcept {
  if (state_error) {
    return ResolutionStatus::kMissingState;
  }
  if (!missing_events.empty() || !missing_ids.empty()) {
    return missing_chains ? ResolutionStatus::kMissingChains : ResolutionStatus::kMissingEvents;
  }
  return std::nullopt;
}

const Event* Resolution::Data::need(std::uint64_t number) {
  const Event* event = source->find(number);
  if (event == nullptr && noted.insert(number).second) {
    missing_events.push_back(number);
  }
  return event;
}

bool Resolution::Data::not_in_index(const AuthChainError& error) {
  missing_chains = true;
  missing_events.assign(1, error.event);
  return false;
}

std::uint64_t Resolution::Data::unconflicted(std::uint64_t key) {
  if (conflicted_key_set.contains(key)) {
    return 0;
  }
  const auto found = states.front().find(key, store);
  if (!found) {
    state_error = found.error();
    return 0;
  }
  return found->value_or(0);
}

std::uint64_t Resolution::Data::partial_at(std::uint64_t key) {
  if (const auto found = partial.find(key); found != partial.end()) {
    return found->second;
  }
  switch (version->state_resolution) {
    case StateResolution::kV1:
      if (const auto found = one_sided.find(key); found != one_sided.end()) {
        return found->second;
      }
      return unconflicted(key);
    case StateResolution::kV2:
      return unconflicted(key);
    case StateResolution::kV2_1:
      break;
  }
  return 0;
}

bool Resolution::Data::compare() {
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> differing;
  for (std::size_t other = 1; other < states.size(); ++other) {
    const auto differences = StateMap::diff(states.front(), states[other], store);
    if (!differences) {
      state_error = differences.error();
      return false;
    }
    for (const StateDifference& difference : *differences) {
      // What a state has at a key is what the first has, unless it differs.
      const auto [at, added] =
          differing.try_emplace(difference.key, states.size(), difference.before.value_or(0));
      at->second[other] = difference.after.value_or(0);
    }
  }
  sets.assign(states.size(), {});
  for (const auto& [key, values] : differing) {
    if (is_v1()) {
      // Version 1 sees a conflict only where two states have different events.
      std::uint64_t one = 0;
      bool conflict = false;
      for (const std::uint64_t value : values) {
        conflict = conflict || (value != 0 && one != 0 && value != one);
        one = value != 0 ? value : one;
      }
      if (!conflict) {
        one_sided.emplace(key, one);
        continue;
      }
    }
    conflicted_keys.push_back(key);
    for (std::size_t state = 0; state < values.size(); ++state) {
      if (values[state] != 0) {
        sets[state].push_back(values[state]);
        conflicted_events.push_back(values[state]);
      }
    }
  }
  std::ranges::sort(conflicted_keys);
  conflicted_key_set.insert(conflicted_keys.begin(), conflicted_keys.end());
  std::ranges::sort(conflicted_events);
  conflicted_events.erase(std::ranges::unique(conflicted_events).begin(), conflicted_events.end());
  return true;
}

bool Resolution::Data::collect() {
  full_set = conflicted_events;
  if (!is_v1() && !conflicted_events.empty()) {
    const auto add = [&](const std::expected<std::vector<std::uint64_t>, AuthChainError>& more) {
      if (!more) {
        return not_in_index(more.error());
      }
      full_set.insert(full_set.end(), more->begin(), more->end());
      return true;
    };
    const auto common = [this](std::uint64_t key) { return unconflicted(key); };
    const OwnEvents own =
        reading == ResolutionReading::kAsDeployed ? OwnEvents::kIncluded : OwnEvents::kLeftOut;
    if (!add(index->difference(sets, common, own)) || state_error) {
      return false;
    }
    if (version->state_resolution == StateResolution::kV2_1 && !add(index->subgraph(conflicted_events))) {
      return false;
    }
    std::ranges::sort(full_set);
    full_set.erase(std::ranges::unique(full_set).begin(), full_set.end());
  }
  events.reserve(full_set.size());
  cursor = 0;
  return true;
}

bool Resolution::Data::gather() {
  for (; cursor < full_set.size() && spend(); ++cursor) {
    static_cast<void>(need(full_set[cursor]));
  }
  if (missing() || cursor < full_set.size()) {
    return false;
  }
  cursor = 0;
  return true;
}

bool Resolution::Data::gather_state() {
  const auto number_of = [&](std::string_view event_id) {
    const std::uint64_t number = source->number(event_id);
    if (number == 0 && noted_ids.emplace(event_id).second) {
      missing_ids.emplace_back(event_id);
    }
    return number;
  };
  std::vector<std::uint64_t> keys;
  std::size_t upto = cursor;
  for (; upto < full_set.size() && spend(); ++upto) {
    const Event* event = need(full_set[upto]);
    if (event == nullptr) {
      continue;
    }
    ConflictedEvent conflicted{
        full_set[upto], source->key(event->type(), event->state_key().value_or("")), event, {}};
    if (!is_v1()) {
      for (const std::string_view id : event->auth_events()) {
        if (const std::uint64_t number = number_of(id); number != 0) {
          conflicted.auth_events.push_back(number);
          static_cast<void>(need(number));
        }
      }
    }
    if (create == 0) {
      if (const auto id = event->create_event_id()) {
        create = number_of(*id);
        static_cast<void>(create != 0 && need(create) != nullptr);
      }
    }
    if (version->state_resolution != StateResolution::kV2_1) {
      for (const StateKey& wanted : auth_events_for(AuthSubject{*event}, *version)) {
        if (const std::uint64_t key = source->key(wanted.type, wanted.state_key); key != 0) {
          keys.push_back(key);
        }
      }
    }
    if (upto == events.size()) {
      event_index.emplace(conflicted.number, static_cast<std::uint32_t>(upto));
      events.push_back(std::move(conflicted));
    } else {
      events[upto] = std::move(conflicted);
    }
  }
  // The entries of the common state that the passes will ask for.
  std::ranges::sort(keys);
  keys.erase(std::ranges::unique(keys).begin(), keys.end());
  if (store != nullptr && !keys.empty()) {
    if (const auto loaded = states.front().load(keys, *store); !loaded) {
      state_error = loaded.error();
      return false;
    }
  }
  for (const std::uint64_t key : keys) {
    if (const std::uint64_t number = partial_at(key); number != 0) {
      static_cast<void>(need(number));
    }
  }
  if (missing()) {
    return false;
  }
  cursor = upto;
  if (cursor < full_set.size()) {
    return false;
  }
  cursor = 0;
  return true;
}

std::optional<AuthVerdict> Resolution::Data::check(const ConflictedEvent& conflicted) {
  const auto lookup = [&](std::string_view type, std::string_view state_key) -> const Event* {
    if (const std::uint64_t key = source->key(type, state_key); key != 0) {
      if (const std::uint64_t number = partial_at(key); number != 0) {
        return need(number);
      }
    }
    if (is_v1()) {
      return nullptr;
    }
    if (create != 0 && type == kCreate && state_key.empty()) {
      return source->rejected(create) ? nullptr : need(create);
    }
    for (const std::uint64_t auth_event : conflicted.auth_events) {
      const Event* event = need(auth_event);
      if (event != nullptr && event->is_state(type, state_key) && !source->rejected(auth_event)) {
        return event;
      }
    }
    return nullptr;
  };
  AuthVerdict verdict = authorise(*conflicted.event, lookup);
  if (missing()) {
    return std::nullopt;
  }
  return verdict;
}

std::optional<AuthVerdict> Resolution::Data::try_event(const ConflictedEvent& conflicted) {
  std::optional<AuthVerdict> verdict = check(conflicted);
  if (verdict && *verdict) {
    partial[conflicted.key] = conflicted.number;
  }
  return verdict;
}

bool Resolution::Data::try_in_order() {
  const ResolutionTask& task = tasks.front();
  for (; cursor < task.order.size(); ++cursor) {
    if (!spend()) {
      return false;
    }
    const ConflictedEvent& conflicted = events[task.order[cursor]];
    const std::optional<AuthVerdict> verdict = try_event(conflicted);
    if (!verdict) {
      return false;
    }
    ResolutionDecision& decision = decisions.emplace_back();
    decision.event = conflicted.number;
    decision.key = conflicted.key;
    decision.pass = task.pass;
    if (!*verdict) {
      decision.outcome = ResolutionOutcome::kRefused;
      decision.rule = verdict->error();
    }
  }
  return true;
}

bool Resolution::Data::finish() {
  std::vector<StateChange> changes;
  for (const std::uint64_t key : conflicted_keys) {
    const auto found = partial.find(key);
    changes.push_back({key, found == partial.end() ? std::nullopt : std::optional{found->second}});
  }
  for (const auto& [key, event] : one_sided) {
    changes.push_back({key, event});
  }
  // Entries that no state has: the auth difference can hold the only events of a key.
  for (const auto& [key, event] : partial) {
    if (!conflicted_key_set.contains(key) && !one_sided.contains(key) && unconflicted(key) == 0 &&
        !state_error) {
      changes.push_back({key, event});
    }
  }
  if (state_error) {
    return false;
  }
  auto changed = states.front().with(changes, store);
  if (!changed) {
    state_error = changed.error();
    return false;
  }
  result = std::move(*changed);
  for (ResolutionDecision& decision : decisions) {
    const auto winner = result.find(decision.key, store);
    if (!winner) {
      state_error = winner.error();
      return false;
    }
    decision.winner = winner->value_or(0);
    if (decision.winner == decision.event) {
      decision.outcome = ResolutionOutcome::kHeld;
    } else if (!decision.rule && decision.outcome != ResolutionOutcome::kNotTried) {
      decision.outcome = conflicted_key_set.contains(decision.key) || unconflicted(decision.key) == 0
                             ? ResolutionOutcome::kReplaced
                             : ResolutionOutcome::kOverruled;
    }
  }
  return !state_error;
}

Resolution::Resolution(const RoomVersion& version, std::vector<StateMap> states, const AuthChainIndex& index,
                       const ResolutionSource& source, ResolutionReading reading)
    : data_{std::make_unique<Data>()} {
  data_->version = &version;
  data_->index = &index;
  data_->source = &source;
  data_->reading = reading;
  data_->states = std::move(states);
  if (data_->states.empty()) {
    data_->stage = Data::Stage::kDone;
  }
}

Resolution::Resolution(Resolution&&) noexcept = default;
Resolution& Resolution::operator=(Resolution&&) noexcept = default;
Resolution::~Resolution() = default;

ResolutionStatus Resolution::step(std::size_t budget, NodeStore* store) {
  using Stage = Data::Stage;
  Data& data = *data_;
  data.budget = std::max<std::size_t>(budget, 1);
  data.store = store;
  data.missing_events.clear();
  data.missing_ids.clear();
  data.noted.clear();
  data.noted_ids.clear();
  data.missing_chains = false;
  data.state_error.reset();

  const auto advance = [&](bool finished, Stage next) {
    data.stage = finished ? next : data.stage;
    return finished;
  };
  while (data.stage != Stage::kDone) {
    bool finished = false;
    switch (data.stage) {
      case Stage::kCompare:
        finished = advance(data.compare(), Stage::kCollect);
        if (finished && data.conflicted_keys.empty()) {
          data.stage = Stage::kFinish;
        }
        break;
      case Stage::kCollect:
        finished = advance(data.collect(), Stage::kGather);
        break;
      case Stage::kGather:
        finished = advance(data.gather(), Stage::kGatherState);
        break;
      case Stage::kGatherState:
        finished = advance(data.gather_state(), data.is_v1() ? Stage::kSort : Stage::kOrderPower);
        break;
      case Stage::kOrderPower:
        finished = advance(data.order_power(), Stage::kTryPower);
        break;
      case Stage::kTryPower:
        finished = advance(data.try_in_order(), Stage::kOrderOthers);
        break;
      case Stage::kOrderOthers:
        finished = advance(data.order_others(), Stage::kTryOthers);
        break;
      case Stage::kTryOthers:
        finished = advance(data.try_in_order(), Stage::kFinish);
        break;
      case Stage::kSort:
        finished = advance(data.v1_sort(), Stage::kTry);
        break;
      case Stage::kTry:
        finished = advance(data.v1_try(), Stage::kFinish);
        break;
      case Stage::kFinish:
        finished = advance(data.finish(), Stage::kDone);
        break;
      case Stage::kDone:
        break;
    }
    if (!finished) {
      return data.missing().value_or(ResolutionStatus::kMore);
    }
  }
  return ResolutionStatus::kDone;
}

std::span<const std::uint64_t> Resolution::missing_events() const noexcept {
  return data_->missing_events;
}
std::span<const std::string> Resolution::missing_ids() const noexcept {
  return data_->missing_ids;
}
StateMapError Resolution::state_error() const noexcept {
  return data_->state_error.value_or(StateMapError{});
}
const StateMap& Resolution::result() const noexcept {
  return data_->result;
}
std::span<const ResolutionDecision> Resolution::decisions() const noexcept {
  return data_->decisions;
}
std::span<const std::uint64_t> Resolution::conflicted_keys() const noexcept {
  return data_->conflicted_keys;
}

std::string describe(const ResolutionDecision& decision, const ResolutionSource& source) {
  const auto name = [&](std::uint64_t number) {
    const Event* event = source.find(number);
    return event == nullptr ? fmt::format("event number {}", number) : std::string{event->event_id()};
  };
  const Event* event = source.find(decision.event);
  std::string text = name(decision.event);
  if (event != nullptr) {
    text +=
        fmt::format(" ({} \"{}\" of {})", event->type(), event->state_key().value_or(""), event->sender());
  }
  switch (decision.outcome) {
    case ResolutionOutcome::kHeld:
      return text + " holds";
    case ResolutionOutcome::kRefused:
      text += " was refused by rule ";
      text += event == nullptr ? std::string{describe(decision.rule->rule)}
                               : describe(*decision.rule, event->version());
      break;
    case ResolutionOutcome::kReplaced:
      text += " was allowed and replaced";
      break;
    case ResolutionOutcome::kOverruled:
      text += " gave way to what all states have";
      break;
    case ResolutionOutcome::kNotTried:
      text += " was passed over";
      break;
  }
  return text + (decision.winner == 0 ? std::string{"; nothing stands in its place"}
                                      : fmt::format("; {} stands in its place", name(decision.winner)));
}

}  // namespace lares::matrix
