// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace lares::matrix {

/// Where a state event stands: its chain, and its place in it, both counted from 1. Chain 0 is nowhere.
struct AuthPlace {
  std::uint32_t chain = 0;
  std::uint32_t position = 0;

  [[nodiscard]] explicit operator bool() const noexcept { return chain != 0; }
  bool operator==(const AuthPlace&) const = default;
};

/// A row of a store's table of places: one for each state event. `key`, the number of the event's (type,
/// state key), is the same for all events of a chain.
struct AuthChainRow {
  std::uint64_t event = 0;
  std::uint64_t key = 0;
  AuthPlace place;

  bool operator==(const AuthChainRow&) const = default;
};

/// A row of a store's table of links: the event at `from` names the event at `to`, in another chain, in its
/// auth_events.
struct AuthLinkRow {
  AuthPlace from;
  AuthPlace to;

  bool operator==(const AuthLinkRow&) const = default;
};

/// What an added event makes: to be stored with it.
struct AuthRows {
  AuthChainRow place;
  std::vector<AuthLinkRow> links;
};

enum class AuthChainErrorCode : std::uint8_t {
  kUnknownEvent,   ///< the event is not in the index: add it, its auth events first
  kMalformedRows,  ///< rows that no index has made; `event` is the first that does not fit
};

struct AuthChainError {
  AuthChainErrorCode code{};
  std::uint64_t event = 0;

  bool operator==(const AuthChainError&) const = default;
};

/// Which events the full auth chain of a state holds.
enum class OwnEvents : std::uint8_t {
  /// The events that its events name in auth_events, and those that these name, and so on.
  kLeftOut,
  /// These and the state's events themselves.
  kIncluded,
};

/// The index over the auth events of one room, by which state resolution compares auth chains without walking
/// them.
///
/// Each state event has a place in a chain: behind the event it replaces, if it names that one in its
/// auth_events, and else at the head of a new chain. Whoever reaches a place reaches all before it in the
/// chain, so a whole auth chain is one number for each chain. What an event names in other chains are links;
/// a link that follows from the others by one step is left out. The places depend on the order in which
/// events were added, the answers do not.
///
/// **Threads** one writes, or many read.
/// **Units** about 190 bytes an event.
///
/// spec: Room Versions, "State resolution", "Definitions" ("Auth chain", "Auth difference", "Conflicted state
/// subgraph")
class LARES_EXPORT AuthChainIndex {
 public:
  AuthChainIndex();
  AuthChainIndex(AuthChainIndex&&) noexcept;
  AuthChainIndex& operator=(AuthChainIndex&&) noexcept;
  ~AuthChainIndex();

  /// Takes up a state event whose auth events are in already. `key` numbers its (type, state key); no number
  /// is 0. An event that is in gives its rows again.
  ///
  /// **Errors** kUnknownEvent with the auth event that is not in; nothing was added.
  [[nodiscard]] std::expected<AuthRows, AuthChainError> add(std::uint64_t event, std::uint64_t key,
                                                            std::span<const std::uint64_t> auth_events);

  /// The index that made these rows, in any order.
  [[nodiscard]] static std::expected<AuthChainIndex, AuthChainError> restore(
      std::span<const AuthChainRow> places, std::span<const AuthLinkRow> links);

  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] bool contains(std::uint64_t event) const noexcept { return static_cast<bool>(place(event)); }
  [[nodiscard]] AuthPlace place(std::uint64_t event) const noexcept;
  /// The number of the event's (type, state key); 0 when it is not in.
  [[nodiscard]] std::uint64_t key(std::uint64_t event) const noexcept;
  /// The event of the same key that this one names in auth_events; 0 when there is none.
  [[nodiscard]] std::uint64_t previous_of_key(std::uint64_t event) const noexcept;
  /// The event at a place; 0 when there is none.
  [[nodiscard]] std::uint64_t event_at(AuthPlace place) const noexcept;
  /// The row of every place and link, for a store that rewrites its tables.
  void rows(std::vector<AuthChainRow>& places, std::vector<AuthLinkRow>& links) const;
  /// Bytes in memory.
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

  /// Whether `ancestor` is in the auth chain of `event`.
  [[nodiscard]] std::expected<bool, AuthChainError> reaches(std::uint64_t event,
                                                            std::uint64_t ancestor) const;

  /// The auth difference of several states: the events that are in the full auth chain of some, but not of
  /// all.
  ///
  /// A state is given in two parts, so that the cost does not grow with what all have in common:
  /// `conflicted[i]` are the events of state i at the keys at which not all states have the same event;
  /// `unconflicted` gives for any other key the event that all states have, 0 where they have none (and at
  /// keys that are conflicted). Costs in the order of the links between the chains that the conflicted events
  /// reach, and of the result. Ascending.
  [[nodiscard]] std::expected<std::vector<std::uint64_t>, AuthChainError> difference(
      std::span<const std::vector<std::uint64_t>> conflicted,
      const std::function<std::uint64_t(std::uint64_t key)>& unconflicted, OwnEvents own) const;

  /// The conflicted state subgraph: the given events, and all on a way of auth_events from one of them to
  /// another. Ascending.
  [[nodiscard]] std::expected<std::vector<std::uint64_t>, AuthChainError> subgraph(
      std::span<const std::uint64_t> conflicted) const;

  /// Those of `candidates` that are in the auth chain of one of `events`. In the order given.
  [[nodiscard]] std::expected<std::vector<std::uint64_t>, AuthChainError> in_chains_of(
      std::span<const std::uint64_t> events, std::span<const std::uint64_t> candidates) const;

  /// Opaque.
  struct Data;

 private:
  std::unique_ptr<Data> data_;
};

}  // namespace lares::matrix
