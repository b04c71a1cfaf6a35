// SPDX-License-Identifier: Apache-2.0
#include "auth_chain_data.hpp"

#include <algorithm>
#include <unordered_map>

namespace lares::matrix {

using Data = AuthChainIndex::Data;

std::size_t ChainReach::slot_of(std::uint32_t chain) const noexcept {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = (chain * 0x9E3779B1U) & mask;
  while (slots_[slot] != 0 && reached_[slots_[slot] - 1].chain != chain) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

std::uint32_t ChainReach::of(std::uint32_t chain) const noexcept {
  if (slots_.empty()) {
    return 0;
  }
  const std::uint32_t at = slots_[slot_of(chain)];
  return at == 0 ? 0 : reached_[at - 1].position;
}

void ChainReach::raise(AuthPlace place) {
  if ((reached_.size() + 1) * 2 > slots_.size()) {
    slots_.assign(std::max<std::size_t>(64, slots_.size() * 2), 0);
    for (std::uint32_t index = 0; index < reached_.size(); ++index) {
      slots_[slot_of(reached_[index].chain)] = index + 1;
    }
  }
  std::uint32_t& slot = slots_[slot_of(place.chain)];
  if (slot == 0) {
    reached_.push_back({place.chain, 0});
    slot = static_cast<std::uint32_t>(reached_.size());
  }
  std::uint32_t& position = reached_[slot - 1].position;
  if (position < place.position) {
    steps_.push_back({place.chain, position, place.position});
    position = place.position;
  }
}

void ChainReach::follow() {
  while (!steps_.empty()) {
    const Step step = steps_.back();
    steps_.pop_back();
    data_.each_link_from(step.chain, step.above, step.upto, [&](const Data::Link& link) { raise(link.to); });
  }
}

void ChainReach::add(AuthPlace place) {
  raise(place);
  follow();
}

void ChainReach::add_below(AuthPlace place) {
  if (place.position > 1) {
    raise({place.chain, place.position - 1});
  }
  data_.each_link_from(place.chain, place.position - 1, place.position,
                       [&](const Data::Link& link) { raise(link.to); });
  follow();
}

namespace {

std::expected<std::vector<AuthPlace>, AuthChainError> places_of(const AuthChainIndex& index,
                                                                std::span<const std::uint64_t> events) {
  std::vector<AuthPlace> places;
  places.reserve(events.size());
  for (const std::uint64_t event : events) {
    places.push_back(index.place(event));
    if (!places.back()) {
      return std::unexpected{AuthChainError{AuthChainErrorCode::kUnknownEvent, event}};
    }
  }
  return places;
}

/// Whether places are in the full auth chain of the unconflicted part of the states: whether an event of it
/// can be reached from them against the direction of auth_events. What a search has found out is kept for the
/// next, so that no part of the graph is searched twice.
class Support {
 public:
  Support(const Data& data, const std::function<std::uint64_t(std::uint64_t)>& unconflicted, OwnEvents own)
      : data_{data}, unconflicted_{unconflicted}, own_{own} {}

  [[nodiscard]] bool holds(AuthPlace place) {
    const Known& chain = known(place.chain);
    const std::uint32_t first = own_ == OwnEvents::kIncluded ? place.position : place.position + 1;
    // What is supported beyond the unconflicted event is so by a link.
    if (chain.held >= first || (chain.supported > chain.held && chain.supported >= place.position)) {
      return true;
    }
    return search(place);
  }

 private:
  struct Known {
    /// The position of the unconflicted event in this chain; 0 when it has none.
    std::uint32_t held = 0;
    /// Every position up to here is at or below an unconflicted event; every one from `free` on is not.
    std::uint32_t supported = 0;
    std::uint32_t free = ~std::uint32_t{0};
  };
  /// The search stands at the links into one position of a chain; those at `from` and behind it are its task.
  struct Frame {
    std::uint32_t chain = 0;
    std::uint32_t from = 0;
    std::uint32_t position = 0;
    std::uint32_t link = 0;
  };

  Known& known(std::uint32_t chain) {
    const auto [at, added] = known_.try_emplace(chain);
    if (added) {
      const std::uint64_t event = unconflicted_(data_.chain(chain).key);
      const AuthPlace place = event == 0 ? AuthPlace{} : data_.places.find(event);
      at->second.held = place.chain == chain ? place.position : 0;
      at->second.supported = at->second.held;
    }
    return at->second;
  }

  Frame frame(AuthPlace place) const noexcept {
    return {place.chain, place.position, place.position, data_.entry(place).first_in};
  }

  bool search(AuthPlace start) {
    if (known(start.chain).free <= start.position) {
      return false;
    }
    std::vector<Frame> stack{frame(start)};
    while (!stack.empty()) {
      Frame& top = stack.back();
      if (top.link == 0) {
        Known& chain = known(top.chain);
        ++top.position;
        if (top.position > data_.chain(top.chain).entries.size() || top.position >= chain.free) {
          chain.free = std::min(chain.free, std::max(top.from, chain.held + 1));
          stack.pop_back();
        } else {
          top.link = data_.entry({top.chain, top.position}).first_in;
        }
        continue;
      }
      const Data::Link& link = data_.link(top.link);
      top.link = link.next_in;
      const Known& source = known(link.from.chain);
      if (source.supported >= link.from.position) {
        // Each frame was entered from the one before it, so all of them are below the same event.
        for (const Frame& way : stack) {
          Known& chain = known(way.chain);
          chain.supported = std::max(chain.supported, way.from);
        }
        return true;
      }
      if (source.free > link.from.position) {
        // No way is longer than there are events, unless rows that no index has made go in a circle.
        if (stack.size() > data_.places.size()) {
          return false;
        }
        stack.push_back(frame(link.from));
      }
    }
    return false;
  }

  const Data& data_;
  const std::function<std::uint64_t(std::uint64_t)>& unconflicted_;
  OwnEvents own_;
  std::unordered_map<std::uint32_t, Known> known_;
};

}  // namespace

std::expected<bool, AuthChainError> AuthChainIndex::reaches(std::uint64_t event,
                                                            std::uint64_t ancestor) const {
  const auto found = in_chains_of({&event, 1}, {&ancestor, 1});
  if (!found) {
    return std::unexpected{found.error()};
  }
  return !found->empty();
}

std::expected<std::vector<std::uint64_t>, AuthChainError> AuthChainIndex::in_chains_of(
    std::span<const std::uint64_t> events, std::span<const std::uint64_t> candidates) const {
  const auto from = places_of(*this, events);
  const auto to = places_of(*this, candidates);
  if (!from || !to) {
    return std::unexpected{from ? to.error() : from.error()};
  }
  ChainReach reach{*data_};
  for (const AuthPlace& place : *from) {
    reach.add_below(place);
  }
  std::vector<std::uint64_t> out;
  for (std::size_t index = 0; index < to->size(); ++index) {
    if (reach.holds((*to)[index])) {
      out.push_back(candidates[index]);
    }
  }
  return out;
}

std::expected<std::vector<std::uint64_t>, AuthChainError> AuthChainIndex::difference(
    std::span<const std::vector<std::uint64_t>> conflicted,
    const std::function<std::uint64_t(std::uint64_t key)>& unconflicted, OwnEvents own) const {
  std::vector<ChainReach> reaches;
  reaches.reserve(conflicted.size());
  for (const std::vector<std::uint64_t>& events : conflicted) {
    const auto places = places_of(*this, events);
    if (!places) {
      return std::unexpected{places.error()};
    }
    ChainReach& reach = reaches.emplace_back(*data_);
    for (const AuthPlace& place : *places) {
      if (own == OwnEvents::kIncluded) {
        reach.add(place);
      } else {
        reach.add_below(place);
      }
    }
  }

  Support support{*data_, unconflicted, own};
  std::vector<std::uint64_t> out;
  for (std::size_t set = 0; set < reaches.size(); ++set) {
    for (const ChainReach::Reached& reached : reaches[set].chains()) {
      std::uint32_t least = reached.position;
      bool mine = true;
      for (std::size_t other = 0; other < reaches.size(); ++other) {
        const std::uint32_t position = other == set ? reached.position : reaches[other].of(reached.chain);
        least = std::min(least, position);
        // Of the sets that reach furthest the first speaks for the chain.
        mine = mine && (other < set ? position < reached.position : position <= reached.position);
      }
      if (!mine) {
        continue;
      }
      for (std::uint32_t position = reached.position; position > least; --position) {
        if (support.holds({reached.chain, position})) {
          break;
        }
        out.push_back(data_->entry({reached.chain, position}).event);
      }
    }
  }
  std::ranges::sort(out);
  return out;
}

std::expected<std::vector<std::uint64_t>, AuthChainError> AuthChainIndex::subgraph(
    std::span<const std::uint64_t> conflicted) const {
  const auto places = places_of(*this, conflicted);
  if (!places) {
    return std::unexpected{places.error()};
  }
  ChainReach reach{*data_};
  std::unordered_map<std::uint32_t, std::uint32_t> lowest;
  std::vector<std::uint32_t> changed;
  const auto lower = [&](AuthPlace place) {
    const auto [at, added] = lowest.try_emplace(place.chain, place.position);
    if (added || place.position < at->second) {
      at->second = place.position;
      changed.push_back(place.chain);
    }
  };
  for (const AuthPlace& place : *places) {
    reach.add_below(place);
    lower(place);
  }

  // Everything from some position of a chain on reaches a conflicted event: follow the links that the
  // conflicted events reach in the other direction.
  std::unordered_map<std::uint32_t, std::vector<const Data::Link*>> into;
  for (const ChainReach::Reached& reached : reach.chains()) {
    data_->each_link_from(reached.chain, 0, reached.position,
                          [&](const Data::Link& link) { into[link.to.chain].push_back(&link); });
  }
  while (!changed.empty()) {
    const std::uint32_t chain = changed.back();
    changed.pop_back();
    const std::uint32_t from = lowest.at(chain);
    const auto links = into.find(chain);
    if (links == into.end()) {
      continue;
    }
    for (const Data::Link* link : links->second) {
      if (link->to.position >= from) {
        lower(link->from);
      }
    }
  }

  std::vector<std::uint64_t> out{conflicted.begin(), conflicted.end()};
  for (const ChainReach::Reached& reached : reach.chains()) {
    const auto from = lowest.find(reached.chain);
    if (from == lowest.end()) {
      continue;
    }
    for (std::uint32_t position = from->second; position <= reached.position; ++position) {
      out.push_back(data_->entry({reached.chain, position}).event);
    }
  }
  std::ranges::sort(out);
  out.erase(std::ranges::unique(out).begin(), out.end());
  return out;
}

}  // namespace lares::matrix
