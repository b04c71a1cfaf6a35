// SPDX-License-Identifier: Apache-2.0
#include "auth_chain_data.hpp"

#include <algorithm>
#include <utility>

namespace lares::matrix {

namespace {

/// Beyond so many links of a chain a link that may follow from them is kept: it costs space, never an answer.
constexpr unsigned kLinksLookedAt = 64;

/// Spreads numbers that were given out one after the other.
std::size_t spread(std::uint64_t number) noexcept {
  number *= 0x9E3779B97F4A7C15ULL;
  return static_cast<std::size_t>(number ^ (number >> 32U));
}

}  // namespace

std::size_t PlaceTable::slot_of(std::uint64_t event) const noexcept {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = spread(event) & mask;
  while (slots_[slot].event != 0 && slots_[slot].event != event) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

AuthPlace PlaceTable::find(std::uint64_t event) const noexcept {
  return slots_.empty() || event == 0 ? AuthPlace{} : slots_[slot_of(event)].place;
}

void PlaceTable::insert(std::uint64_t event, AuthPlace place) {
  if ((size_ + 1) * 3 > slots_.size() * 2) {
    std::vector<Slot> old =
        std::exchange(slots_, std::vector<Slot>(std::max<std::size_t>(16, slots_.size() * 2)));
    for (const Slot& slot : old) {
      if (slot.event != 0) {
        put(slot.event, slot.place);
      }
    }
  }
  put(event, place);
  ++size_;
}

void PlaceTable::put(std::uint64_t event, AuthPlace place) noexcept {
  slots_[slot_of(event)] = {event, place};
}

void AuthChainIndex::Data::add_link(AuthPlace from, AuthPlace to) {
  const auto number = static_cast<std::uint32_t>(links.size() + 1);
  Entry& target = chain(to.chain).entries[to.position - 1];
  Chain& source = chain(from.chain);
  links.push_back({from, to, source.first_out, target.first_in});
  source.first_out = number;
  target.first_in = number;
}

bool AuthChainIndex::Data::follows(AuthPlace from, AuthPlace to) const noexcept {
  if (from.chain == to.chain) {
    return from.position >= to.position;
  }
  std::uint32_t at = chain(from.chain).first_out;
  for (unsigned looked_at = 0; at != 0 && looked_at < kLinksLookedAt; ++looked_at) {
    const Link& now = link(at);
    if (now.from.position <= from.position && now.to.chain == to.chain && now.to.position >= to.position) {
      return true;
    }
    at = now.next_out;
  }
  return false;
}

AuthChainIndex::AuthChainIndex() : data_{std::make_unique<Data>()} {}
AuthChainIndex::AuthChainIndex(AuthChainIndex&&) noexcept = default;
AuthChainIndex& AuthChainIndex::operator=(AuthChainIndex&&) noexcept = default;
AuthChainIndex::~AuthChainIndex() = default;

std::expected<AuthRows, AuthChainError> AuthChainIndex::add(std::uint64_t event, std::uint64_t key,
                                                            std::span<const std::uint64_t> auth_events) {
  AuthRows rows;
  if (const AuthPlace known = place(event)) {
    rows.place = {event, data_->chain(known.chain).key, known};
    data_->each_link_from(known.chain, known.position - 1, known.position,
                          [&](const Data::Link& link) { rows.links.push_back({link.from, link.to}); });
    std::ranges::reverse(rows.links);
    return rows;
  }
  if (event == 0) {
    return std::unexpected{AuthChainError{AuthChainErrorCode::kUnknownEvent, event}};
  }
  std::vector<AuthPlace> named;
  named.reserve(auth_events.size());
  for (const std::uint64_t auth_event : auth_events) {
    const AuthPlace at = place(auth_event);
    if (!at) {
      return std::unexpected{AuthChainError{AuthChainErrorCode::kUnknownEvent, auth_event}};
    }
    if (std::ranges::find(named, at) == named.end()) {
      named.push_back(at);
    }
  }

  AuthPlace before;
  for (const AuthPlace& at : named) {
    const Data::Chain& chain = data_->chain(at.chain);
    if (chain.key == key && at.position == chain.entries.size()) {
      before = at;
      break;
    }
  }
  AuthPlace mine{before.chain, before.position + 1};
  if (!before) {
    data_->chains.push_back({key, {}, 0});
    mine.chain = static_cast<std::uint32_t>(data_->chains.size());
  }
  data_->chain(mine.chain).entries.push_back({event, 0});
  data_->places.insert(event, mine);
  rows.place = {event, key, mine};

  for (const AuthPlace& at : named) {
    if (at.chain == mine.chain) {
      continue;
    }
    // The event of the same key is always kept: previous_of_key asks for it.
    const bool follows =
        data_->chain(at.chain).key != key && std::ranges::any_of(named, [&](const AuthPlace& other) {
          return other != at && data_->follows(other, at);
        });
    if (!follows) {
      data_->add_link(mine, at);
      rows.links.push_back({mine, at});
    }
  }
  return rows;
}

std::expected<AuthChainIndex, AuthChainError> AuthChainIndex::restore(std::span<const AuthChainRow> places,
                                                                      std::span<const AuthLinkRow> links) {
  const auto malformed = [](std::uint64_t event) {
    return std::unexpected{AuthChainError{AuthChainErrorCode::kMalformedRows, event}};
  };
  std::vector<AuthChainRow> ordered{places.begin(), places.end()};
  std::ranges::sort(ordered, {},
                    [](const AuthChainRow& row) { return std::pair{row.place.chain, row.place.position}; });
  AuthChainIndex index;
  Data& data = *index.data_;
  for (const AuthChainRow& row : ordered) {
    if (row.place.position == 1 && row.place.chain == data.chains.size() + 1) {
      data.chains.push_back({row.key, {}, 0});
    }
    if (row.event == 0 || row.place.chain == 0 || row.place.chain != data.chains.size() ||
        data.chains.back().key != row.key || row.place.position != data.chains.back().entries.size() + 1 ||
        index.contains(row.event)) {
      return malformed(row.event);
    }
    data.chains.back().entries.push_back({row.event, 0});
    data.places.insert(row.event, row.place);
  }
  // Of a chain the links come in the order in which it grew.
  std::vector<AuthLinkRow> grown{links.begin(), links.end()};
  std::ranges::sort(grown, {},
                    [](const AuthLinkRow& row) { return std::pair{row.from.chain, row.from.position}; });
  const auto known = [&](AuthPlace place) {
    return place.chain != 0 && place.chain <= data.chains.size() && place.position != 0 &&
           place.position <= data.chain(place.chain).entries.size();
  };
  for (const AuthLinkRow& row : grown) {
    if (!known(row.from)) {
      return malformed(0);
    }
    if (!known(row.to) || row.from.chain == row.to.chain) {
      return malformed(data.entry(row.from).event);
    }
    data.add_link(row.from, row.to);
  }
  return index;
}

std::size_t AuthChainIndex::size() const noexcept {
  return data_->places.size();
}

AuthPlace AuthChainIndex::place(std::uint64_t event) const noexcept {
  return data_->places.find(event);
}

std::uint64_t AuthChainIndex::key(std::uint64_t event) const noexcept {
  const AuthPlace at = place(event);
  return at ? data_->chain(at.chain).key : 0;
}

std::uint64_t AuthChainIndex::previous_of_key(std::uint64_t event) const noexcept {
  const AuthPlace at = place(event);
  if (!at) {
    return 0;
  }
  if (at.position > 1) {
    return data_->entry({at.chain, at.position - 1}).event;
  }
  std::uint64_t found = 0;
  const std::uint64_t own = data_->chain(at.chain).key;
  data_->each_link_from(at.chain, 0, 1, [&](const Data::Link& link) {
    if (data_->chain(link.to.chain).key == own) {
      found = data_->entry(link.to).event;
    }
  });
  return found;
}

std::uint64_t AuthChainIndex::event_at(AuthPlace place) const noexcept {
  if (place.chain == 0 || place.chain > data_->chains.size() || place.position == 0 ||
      place.position > data_->chain(place.chain).entries.size()) {
    return 0;
  }
  return data_->entry(place).event;
}

void AuthChainIndex::rows(std::vector<AuthChainRow>& places, std::vector<AuthLinkRow>& links) const {
  for (std::uint32_t chain = 1; chain <= data_->chains.size(); ++chain) {
    std::uint32_t position = 0;
    for (const Data::Entry& entry : data_->chain(chain).entries) {
      places.push_back({entry.event, data_->chain(chain).key, {chain, ++position}});
    }
  }
  for (const Data::Link& link : data_->links) {
    links.push_back({link.from, link.to});
  }
}

std::size_t AuthChainIndex::memory_bytes() const noexcept {
  // An allocation takes 8 bytes and is rounded up to 16, at least 32.
  constexpr std::size_t kLeast = 32;
  std::size_t bytes = sizeof(Data) + data_->places.memory_bytes() +
                      data_->chains.capacity() * sizeof(Data::Chain) +
                      data_->links.capacity() * sizeof(Data::Link);
  for (const Data::Chain& chain : data_->chains) {
    bytes += std::max(kLeast, chain.entries.capacity() * sizeof(Data::Entry) + 8);
  }
  return bytes;
}

}  // namespace lares::matrix
