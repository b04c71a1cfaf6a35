// SPDX-License-Identifier: Apache-2.0
#include "naive_resolution.hpp"

#include <lares/matrix/power_levels.hpp>

#include <openssl/sha.h>

#include <algorithm>
#include <set>
#include <tuple>

namespace lares::matrix::test {

namespace {

using Ids = std::set<std::string>;

const Place kLevels{"m.room.power_levels", ""};

class Naive {
 public:
  Naive(const RoomModel& room, ResolutionReading reading, std::vector<std::string>* refused)
      : room_{room}, reading_{reading}, refused_{refused} {}

  ReadableState run(const std::vector<ReadableState>& states) {
    return room_.version().state_resolution == StateResolution::kV1 ? version_1(states) : version_2(states);
  }

 private:
  ReadableState version_1(const std::vector<ReadableState>& states) {
    std::map<Place, Ids> all;
    for (const ReadableState& state : states) {
      for (const auto& [place, id] : state) {
        all[place].insert(id);
      }
    }
    ReadableState resolved;
    std::erase_if(all, [&](const auto& entry) {
      if (entry.second.size() == 1) {
        resolved.emplace(entry.first, *entry.second.begin());
      }
      return entry.second.size() == 1;
    });
    for (const char* type : {"m.room.power_levels", "m.room.join_rules", "m.room.member", ""}) {
      ReadableState of_type;
      for (const auto& [place, ids] : all) {
        const bool rest = *type == '\0' && place.first != "m.room.power_levels" &&
                          place.first != "m.room.join_rules" && place.first != "m.room.member";
        if (place.first != type && !rest) {
          continue;
        }
        std::vector<std::string> order{ids.begin(), ids.end()};
        std::ranges::sort(order, [&](const std::string& a, const std::string& b) {
          const std::int64_t depth_a = event(a).depth();
          const std::int64_t depth_b = event(b).depth();
          return depth_a != depth_b ? depth_a < depth_b : sha1(a) > sha1(b);
        });
        if (rest) {
          const auto passes = [&](const std::string& id) { return allowed(id, resolved); };
          const auto best = std::find_if(order.rbegin(), order.rend(), passes);
          for (auto tried = order.rbegin(); tried != best; ++tried) {
            refuse(*tried);
          }
          if (best != order.rend()) {
            of_type[place] = *best;
          } else if (reading_ == ResolutionReading::kAsDeployed) {
            of_type[place] = order.front();
          }
          continue;
        }
        ReadableState with = resolved;
        with[place] = order.front();
        for (std::size_t next = 1; next < order.size(); ++next) {
          if (!allowed(order[next], with)) {
            refuse(order[next]);
            break;
          }
          with[place] = order[next];
        }
        of_type[place] = with[place];
      }
      resolved.insert(of_type.begin(), of_type.end());
    }
    return resolved;
  }

  static std::string sha1(const std::string& text) {
    std::string digest(SHA_DIGEST_LENGTH, '\0');
    SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
    return digest;
  }
  bool allowed(const std::string& id, const ReadableState& state) const {
    const auto lookup = [&](std::string_view type, std::string_view state_key) -> const Event* {
      const auto found = state.find(Place{type, state_key});
      return found == state.end() ? nullptr : &event(found->second);
    };
    return authorise(event(id), lookup).has_value();
  }
  void refuse(const std::string& id) const {
    if (refused_ != nullptr) {
      refused_->push_back(id);
    }
  }

  ReadableState version_2(const std::vector<ReadableState>& states) {
    // Conflicts.
    std::set<Place> places;
    for (const ReadableState& state : states) {
      for (const auto& [place, id] : state) {
        places.insert(place);
      }
    }
    ReadableState unconflicted;
    Ids conflicted;
    for (const Place& place : places) {
      Ids ids;
      bool everywhere = true;
      for (const ReadableState& state : states) {
        const auto found = state.find(place);
        everywhere = everywhere && found != state.end();
        if (found != state.end()) {
          ids.insert(found->second);
        }
      }
      if (everywhere && ids.size() == 1) {
        unconflicted.emplace(place, *ids.begin());
      } else {
        conflicted.merge(ids);
      }
    }
    if (conflicted.empty()) {
      return unconflicted;
    }

    // The full conflicted set.
    Ids full = conflicted;
    std::vector<Ids> chains;
    Ids any;
    for (const ReadableState& state : states) {
      Ids& chain = chains.emplace_back();
      for (const auto& [place, id] : state) {
        chain.merge(Ids{auth_chain(id)});
        if (reading_ == ResolutionReading::kAsDeployed) {
          chain.insert(id);
        }
      }
      any.insert(chain.begin(), chain.end());
    }
    for (const std::string& id : any) {
      if (!std::ranges::all_of(chains, [&](const Ids& chain) { return chain.contains(id); })) {
        full.insert(id);
      }
    }
    const bool v2_1 = room_.version().state_resolution == StateResolution::kV2_1;
    if (v2_1) {
      for (const std::string& from : conflicted) {
        for (const std::string& between : auth_chain(from)) {
          const Ids below = auth_chain(between);
          if (conflicted.contains(between) ||
              std::ranges::any_of(conflicted, [&](const std::string& end) { return below.contains(end); })) {
            full.insert(between);
          }
        }
      }
    }

    // The power events and what belongs to them.
    Ids chosen;
    for (const std::string& id : full) {
      if (is_power(id)) {
        chosen.insert(id);
      }
    }
    if (reading_ == ResolutionReading::kAsWritten) {
      for (const std::string& id : Ids{chosen}) {
        for (const std::string& below : auth_chain(id)) {
          if (full.contains(below)) {
            chosen.insert(below);
          }
        }
      }
    } else {
      std::vector<std::string> open{chosen.begin(), chosen.end()};
      while (!open.empty()) {
        const std::string id = open.back();
        open.pop_back();
        for (const std::string& below : auth_events(id)) {
          if (full.contains(below) && chosen.insert(below).second) {
            open.push_back(below);
          }
        }
      }
    }

    ReadableState state = v2_1 ? ReadableState{} : unconflicted;
    apply(power_order(chosen), state);
    Ids rest;
    std::ranges::set_difference(full, chosen, std::inserter(rest, rest.end()));
    apply(mainline_order(rest, state), state);
    for (const auto& [place, id] : unconflicted) {
      state[place] = id;
    }
    return state;
  }

  const Event& event(const std::string& id) const { return *room_.known(id).event; }

  std::vector<std::string> auth_events(const std::string& id) const {
    std::vector<std::string> out;
    for (const std::string_view named : event(id).auth_events()) {
      out.emplace_back(named);
    }
    return out;
  }

  const Ids& auth_chain(const std::string& id) {
    const auto [at, added] = chains_.try_emplace(id);
    if (added) {
      Ids found;
      std::vector<std::string> open{id};
      while (!open.empty()) {
        const std::string now = open.back();
        open.pop_back();
        for (const std::string& next : auth_events(now)) {
          if (found.insert(next).second) {
            open.push_back(next);
          }
        }
      }
      at->second = std::move(found);
    }
    return at->second;
  }

  bool is_power(const std::string& id) const {
    const Event& of = event(id);
    if (of.type() == "m.room.power_levels" || of.type() == "m.room.join_rules") {
      return of.state_key() == "";
    }
    const auto membership = of.content()["membership"].to_string();
    return of.type() == "m.room.member" && (membership == "leave" || membership == "ban") &&
           of.state_key() != of.sender();
  }

  const Event* create_of_room(const Event& of) const {
    const auto id = of.create_event_id();
    return id ? room_.known(*id).event.get() : nullptr;
  }

  PowerLevel power_of_sender(const std::string& id) const {
    const Event* create = create_of_room(event(id));
    const Event* levels = nullptr;
    for (const std::string& named : auth_events(id)) {
      if (event(named).is_state("m.room.create", "")) {
        create = &event(named);
      } else if (event(named).is_state("m.room.power_levels", "")) {
        levels = &event(named);
      }
    }
    return PowerLevels{room_.version(), create, levels}.user(event(id).sender());
  }

  std::vector<std::string> power_order(Ids waiting) const {
    std::vector<std::string> order;
    while (!waiting.empty()) {
      std::optional<std::string> best;
      for (const std::string& id : waiting) {
        const auto named = auth_events(id);
        if (std::ranges::any_of(named, [&](const std::string& other) { return waiting.contains(other); })) {
          continue;
        }
        if (!best || smaller(id, *best)) {
          best = id;
        }
      }
      order.push_back(*best);
      waiting.erase(*best);
    }
    return order;
  }
  bool smaller(const std::string& a, const std::string& b) const {
    if (power_of_sender(a) != power_of_sender(b)) {
      return power_of_sender(a) > power_of_sender(b);
    }
    return std::tuple{event(a).origin_server_ts(), a} < std::tuple{event(b).origin_server_ts(), b};
  }

  /// The power levels event that an event names; empty when none.
  std::string levels_of(const std::string& id) const {
    for (const std::string& named : auth_events(id)) {
      if (event(named).is_state("m.room.power_levels", "")) {
        return named;
      }
    }
    return {};
  }

  std::vector<std::string> mainline_order(const Ids& ids, const ReadableState& state) const {
    std::vector<std::string> mainline;
    if (const auto found = state.find(kLevels); found != state.end()) {
      for (std::string id = found->second; !id.empty(); id = levels_of(id)) {
        mainline.push_back(id);
      }
    }
    const auto position = [&](const std::string& of) {
      for (std::string id = levels_of(of); !id.empty(); id = levels_of(id)) {
        const auto found = std::ranges::find(mainline, id);
        if (found != mainline.end()) {
          return found - mainline.begin();
        }
      }
      return static_cast<std::ptrdiff_t>(1'000'000);
    };
    std::vector<std::string> order{ids.begin(), ids.end()};
    std::ranges::sort(order, {}, [&](const std::string& id) {
      return std::tuple{-position(id), event(id).origin_server_ts(), id};
    });
    return order;
  }

  void apply(const std::vector<std::string>& order, ReadableState& state) const {
    for (const std::string& id : order) {
      const Event& now = event(id);
      const auto lookup = [&](std::string_view type, std::string_view state_key) -> const Event* {
        if (const auto found = state.find(Place{type, state_key}); found != state.end()) {
          return &event(found->second);
        }
        if (const Event* create = create_of_room(now);
            create != nullptr && create->is_state(type, state_key)) {
          return create;
        }
        for (const std::string& named : auth_events(id)) {
          if (event(named).is_state(type, state_key) && !room_.known(named).rejected) {
            return &event(named);
          }
        }
        return nullptr;
      };
      if (authorise(now, lookup)) {
        state[Place{now.type(), *now.state_key()}] = id;
      } else {
        refuse(id);
      }
    }
  }

  const RoomModel& room_;
  ResolutionReading reading_;
  std::vector<std::string>* refused_;
  std::map<std::string, Ids> chains_;
};

}  // namespace

ReadableState naive_resolution(const RoomModel& room, const std::vector<ReadableState>& states,
                               ResolutionReading reading, std::vector<std::string>* refused) {
  return Naive{room, reading, refused}.run(states);
}

}  // namespace lares::matrix::test
