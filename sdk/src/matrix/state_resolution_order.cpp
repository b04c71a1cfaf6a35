// SPDX-License-Identifier: Apache-2.0
// The two orders of state resolution v2.
#include "state_resolution_data.hpp"

#include <algorithm>
#include <limits>
#include <queue>
#include <tuple>

namespace lares::matrix {

namespace {

constexpr std::string_view kCreate = "m.room.create";
constexpr std::string_view kPowerLevelsType = "m.room.power_levels";

}  // namespace

bool is_power_event(const Event& event) {
  if (event.is_state(kPowerLevelsType, "") || event.is_state("m.room.join_rules", "")) {
    return true;
  }
  if (event.type() != "m.room.member" || !event.is_state() || event.state_key() == event.sender()) {
    return false;
  }
  const json::Value membership = event.content()["membership"];
  return membership.equals("leave") || membership.equals("ban");
}

bool Resolution::Data::order_power() {
  // The power events, and what of their auth chains is in the full conflicted set.
  std::vector<std::uint32_t> chosen;
  for (std::uint32_t index_of = 0; index_of < events.size(); ++index_of) {
    if (is_power_event(*events[index_of].event)) {
      chosen.push_back(index_of);
      in_power_pass.insert(index_of);
    }
  }
  if (reading == ResolutionReading::kAsWritten) {
    std::vector<std::uint64_t> power;
    power.reserve(chosen.size());
    for (const std::uint32_t at : chosen) {
      power.push_back(events[at].number);
    }
    const auto below = index->in_chains_of(power, full_set);
    if (!below) {
      in_power_pass.clear();
      return not_in_index(below.error());
    }
    for (const std::uint64_t number : *below) {
      const std::uint32_t at = event_index.at(number);
      if (in_power_pass.insert(at).second) {
        chosen.push_back(at);
      }
    }
  } else {
    for (std::size_t at = 0; at < chosen.size(); ++at) {
      for (const std::uint64_t auth_event : events[chosen[at]].auth_events) {
        const auto found = event_index.find(auth_event);
        if (found != event_index.end() && in_power_pass.insert(found->second).second) {
          chosen.push_back(found->second);
        }
      }
    }
  }

  struct Vertex {
    PowerLevel power;
    std::uint32_t waits_for = 0;
    std::vector<std::uint32_t> named_by;
  };
  std::unordered_map<std::uint32_t, Vertex> graph;
  for (const std::uint32_t at : chosen) {
    const ConflictedEvent& conflicted = events[at];
    Vertex& vertex = graph[at];
    const Event* power_levels = nullptr;
    const Event* creation = create == 0 ? nullptr : source->find(create);
    for (const std::uint64_t auth_event : conflicted.auth_events) {
      const Event* event = need(auth_event);
      if (event == nullptr) {
        continue;
      }
      if (event->is_state(kPowerLevelsType, "")) {
        power_levels = event;
      } else if (event->is_state(kCreate, "")) {
        creation = event;
      }
    }
    vertex.power = PowerLevels{*version, creation, power_levels}.user(conflicted.event->sender());
  }
  if (missing()) {
    in_power_pass.clear();
    return false;
  }
  for (const std::uint32_t at : chosen) {
    for (const std::uint64_t auth_event : events[at].auth_events) {
      const auto found = event_index.find(auth_event);
      if (found != event_index.end() && in_power_pass.contains(found->second)) {
        ++graph.at(at).waits_for;
        graph.at(found->second).named_by.push_back(at);
      }
    }
  }

  const auto behind = [&](std::uint32_t a, std::uint32_t b) {
    const Event& of_a = *events[a].event;
    const Event& of_b = *events[b].event;
    const PowerLevel power_a = graph.at(a).power;
    const PowerLevel power_b = graph.at(b).power;
    if (power_a != power_b) {
      return power_a < power_b;
    }
    return std::tuple{of_a.origin_server_ts(), of_a.event_id()} >
           std::tuple{of_b.origin_server_ts(), of_b.event_id()};
  };
  std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, decltype(behind)> ready{behind};
  for (const std::uint32_t at : chosen) {
    if (graph.at(at).waits_for == 0) {
      ready.push(at);
    }
  }
  ResolutionTask task{ResolutionPass::kPowerEvents, {}};
  while (!ready.empty()) {
    const std::uint32_t at = ready.top();
    ready.pop();
    task.order.push_back(at);
    for (const std::uint32_t user : graph.at(at).named_by) {
      if (--graph.at(user).waits_for == 0) {
        ready.push(user);
      }
    }
  }
  tasks.assign(1, std::move(task));
  cursor = 0;
  return true;
}

namespace {

/// Positions on the mainline, taken from the chains of power levels events: a chain holds power levels that
/// follow each other, so the mainline is a few stretches of chains.
class Mainline {
 public:
  static constexpr std::uint64_t kInfinite = std::numeric_limits<std::uint64_t>::max();

  Mainline(const AuthChainIndex& index, std::uint64_t power_levels) : index_{index} {
    std::uint64_t position = 0;
    for (AuthPlace place = index.place(power_levels); place;) {
      if (!stretches_.try_emplace(place.chain, Stretch{place.position, position, true}).second) {
        break;
      }
      position += place.position;
      place = index.place(index.previous_of_key(index.event_at({place.chain, 1})));
    }
  }

  /// The position that an event has whose power levels event is this; 0 as the event: it names none.
  [[nodiscard]] std::uint64_t of(std::uint64_t power_levels) {
    std::vector<std::uint32_t> aside;
    std::uint64_t found = kInfinite;
    AuthPlace place = index_.place(power_levels);
    while (place) {
      if (const auto stretch = stretches_.find(place.chain); stretch != stretches_.end()) {
        const Stretch& on = stretch->second;
        found = on.position;
        if (on.on_mainline && place.position < on.enters) {
          found += on.enters - place.position;
        }
        break;
      }
      aside.push_back(place.chain);
      place = index_.place(index_.previous_of_key(index_.event_at({place.chain, 1})));
    }
    for (const std::uint32_t chain : aside) {
      stretches_.try_emplace(chain, Stretch{0, found, false});
    }
    return found;
  }

 private:
  struct Stretch {
    /// Where the mainline enters the chain, and which of its events that is; for a chain beside the mainline,
    /// which one it comes to.
    std::uint32_t enters = 0;
    std::uint64_t position = 0;
    bool on_mainline = false;
  };

  const AuthChainIndex& index_;
  std::unordered_map<std::uint32_t, Stretch> stretches_;
};

}  // namespace

bool Resolution::Data::order_others() {
  const std::uint64_t levels_key = source->key(kPowerLevelsType, "");
  const std::uint64_t levels = levels_key == 0 ? 0 : partial_at(levels_key);
  if (missing()) {
    return false;
  }
  if (levels != 0 && !index->contains(levels)) {
    return not_in_index({AuthChainErrorCode::kUnknownEvent, levels});
  }
  Mainline mainline{*index, levels};
  std::vector<std::uint64_t> positions(events.size());
  ResolutionTask task{ResolutionPass::kOtherEvents, {}};
  for (std::uint32_t at = 0; at < events.size(); ++at) {
    if (in_power_pass.contains(at)) {
      continue;
    }
    const auto& named = events[at].auth_events;
    const auto own = std::ranges::find_if(named, [&](std::uint64_t auth_event) {
      return levels_key != 0 && index->key(auth_event) == levels_key;
    });
    positions[at] = mainline.of(own == named.end() ? 0 : *own);
    task.order.push_back(at);
  }
  std::ranges::sort(task.order, [&](std::uint32_t a, std::uint32_t b) {
    const Event& of_a = *events[a].event;
    const Event& of_b = *events[b].event;
    // A greater position is an earlier place on the mainline.
    if (positions[a] != positions[b]) {
      return positions[a] > positions[b];
    }
    return std::tuple{of_a.origin_server_ts(), of_a.event_id()} <
           std::tuple{of_b.origin_server_ts(), of_b.event_id()};
  });
  tasks.assign(1, std::move(task));
  cursor = 0;
  return true;
}

}  // namespace lares::matrix
