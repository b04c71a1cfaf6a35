// SPDX-License-Identifier: Apache-2.0
// The tables behind AuthChainIndex. Private to its sources.
#pragma once

#include <lares/matrix/auth_chain.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lares::matrix {

/// Finds an event's place: open addressing, at most two thirds full.
class PlaceTable {
 public:
  [[nodiscard]] AuthPlace find(std::uint64_t event) const noexcept;
  /// The event is not in yet, and is not 0.
  void insert(std::uint64_t event, AuthPlace place);
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return slots_.capacity() * sizeof(Slot); }

 private:
  struct Slot {
    std::uint64_t event = 0;
    AuthPlace place;
  };

  void put(std::uint64_t event, AuthPlace place) noexcept;
  [[nodiscard]] std::size_t slot_of(std::uint64_t event) const noexcept;

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

/// Links are numbered from 1; each stands in two lists, newest first: of the chain it leaves, of the event it
/// names.
struct AuthChainIndex::Data {
  struct Link {
    AuthPlace from;
    AuthPlace to;
    std::uint32_t next_out = 0;
    std::uint32_t next_in = 0;
  };
  struct Entry {
    std::uint64_t event = 0;
    std::uint32_t first_in = 0;
  };
  struct Chain {
    std::uint64_t key = 0;
    std::vector<Entry> entries;
    std::uint32_t first_out = 0;
  };

  PlaceTable places;
  std::vector<Chain> chains;
  std::vector<Link> links;

  [[nodiscard]] const Chain& chain(std::uint32_t number) const noexcept { return chains[number - 1]; }
  [[nodiscard]] Chain& chain(std::uint32_t number) noexcept { return chains[number - 1]; }
  [[nodiscard]] const Entry& entry(AuthPlace place) const noexcept {
    return chain(place.chain).entries[place.position - 1];
  }
  [[nodiscard]] const Link& link(std::uint32_t number) const noexcept { return links[number - 1]; }

  /// Calls for each link that leaves `chain` at a position in (above, upto].
  template <class F>
  void each_link_from(std::uint32_t number, std::uint32_t above, std::uint32_t upto, F&& visit) const {
    // Newest first is highest first, since a chain only grows at its end.
    for (std::uint32_t at = chain(number).first_out; at != 0;) {
      const Link& now = link(at);
      if (now.from.position <= above) {
        return;
      }
      if (now.from.position <= upto) {
        visit(now);
      }
      at = now.next_out;
    }
  }

  void add_link(AuthPlace from, AuthPlace to);
  /// Whether `to` is reached from `from` by the chain alone or by one link that leaves it at or before there.
  [[nodiscard]] bool follows(AuthPlace from, AuthPlace to) const noexcept;
};

/// How far each chain is reached: the compact form of an auth chain.
class ChainReach {
 public:
  explicit ChainReach(const AuthChainIndex::Data& data) : data_{data} {}

  /// All that the event at a place reaches, itself left out.
  void add_below(AuthPlace place);
  /// The event at a place and all that it reaches.
  void add(AuthPlace place);
  /// The last position of a chain that is reached; 0 when none is.
  [[nodiscard]] std::uint32_t of(std::uint32_t chain) const noexcept;
  [[nodiscard]] bool holds(AuthPlace place) const noexcept { return of(place.chain) >= place.position; }

  struct Reached {
    std::uint32_t chain = 0;
    std::uint32_t position = 0;
  };
  /// Every chain that is reached, in no order.
  [[nodiscard]] const std::vector<Reached>& chains() const noexcept { return reached_; }

 private:
  struct Step {
    std::uint32_t chain = 0;
    std::uint32_t above = 0;
    std::uint32_t upto = 0;
  };

  void raise(AuthPlace place);
  void follow();
  [[nodiscard]] std::size_t slot_of(std::uint32_t chain) const noexcept;

  const AuthChainIndex::Data& data_;
  std::vector<Reached> reached_;
  /// Open addressing over `reached_`: index + 1, 0 when free.
  std::vector<std::uint32_t> slots_;
  std::vector<Step> steps_;
};

}  // namespace lares::matrix
