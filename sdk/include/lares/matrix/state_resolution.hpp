// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/matrix/auth_chain.hpp>
#include <lares/matrix/event_auth.hpp>
#include <lares/matrix/event_source.hpp>
#include <lares/matrix/room_version.hpp>
#include <lares/matrix/state_map.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lares::matrix {

/// What state resolution asks about events and places in the state, by the numbers that a store has interned
/// them under. Events that it gave out live as long as the resolution.
class LARES_EXPORT ResolutionSource : public NumberedEventSource {
 public:
  ~ResolutionSource() override;
  /// The number of a (type, state key); 0 when no event of the room has it.
  [[nodiscard]] virtual std::uint64_t key(std::string_view type, std::string_view state_key) const = 0;
};

/// How the two passages are read in which the specification's words and the servers that rooms live on
/// differ. All servers of a room must come to one state, so what is deployed goes first.
enum class ResolutionReading : std::uint8_t {
  /// The full auth chain of a state includes the state's own events; and the power events are enlarged by
  /// what is reached
  /// through auth events inside the full conflicted set. In version 1, when no event of a conflict passes,
  /// the one of
  /// least depth stands.
  kAsDeployed,
  /// An auth chain is what is reached from an event, and not the event; and the power events are enlarged by
  /// whatever of
  /// the full conflicted set is in their auth chains, on any way. In version 1, when no event of a conflict
  /// passes, none
  /// stands.
  kAsWritten,
};

/// The part of the algorithm in which an event was held against the partial state.
enum class ResolutionPass : std::uint8_t {
  kPowerEvents,  ///< v2: power events and their auth events, in reverse topological power ordering
  kOtherEvents,  ///< v2: the rest, in mainline ordering
  kPowerLevels,  ///< v1: each type in its turn
  kJoinRules,
  kMembers,
  kRest,
};

/// What became of an event of the full conflicted set.
enum class ResolutionOutcome : std::uint8_t {
  kHeld,       ///< it is in the result; with a `rule` if it stands there because all states have it, though
               ///< refused
  kRefused,    ///< the partial state did not allow it, by `rule`
  kReplaced,   ///< it was allowed, and a later one of its key after it, which is in the result
  kOverruled,  ///< it was allowed, but all states have another event at its key
  kNotTried,   ///< v1: another was chosen before its turn came
};

/// The trace of one event; in the order in which they were tried.
struct ResolutionDecision {
  std::uint64_t event = 0;
  std::uint64_t key = 0;
  ResolutionPass pass{};
  ResolutionOutcome outcome{};
  /// The rule by which the partial state refused it.
  std::optional<AuthFailure> rule;
  /// The event that the result has at this key; 0 when it has none.
  std::uint64_t winner = 0;

  bool operator==(const ResolutionDecision&) const = default;
};

/// "event 17 (m.room.topic) was refused by rule 8: ..." for logs and recovery tools.
[[nodiscard]] LARES_EXPORT std::string describe(const ResolutionDecision& decision,
                                                const ResolutionSource& source);

enum class ResolutionStatus : std::uint8_t {
  kDone,           ///< result() is there
  kMore,           ///< the budget is spent: call step() again
  kMissingEvents,  ///< make the events of missing_events() and missing_ids() available, and call step() again
  kMissingChains,  ///< add missing_events() to the index, and call step() again
  kMissingState,   ///< state_error() says which node of a state; give a store, or load it, and call step()
                   ///< again
};

/// Merges the states of forks into one: state resolution v1, v2 or v2.1, as the room's version asks.
///
/// It costs in the order of the conflict, whatever the size of the room: what all states have in common is
/// neither read nor copied. It does its work in steps, so that it can share a thread; what it misses it
/// names, and goes on from there once it is there. Resolving equal states gives the first of them.
///
/// **Threads** those of the caller, one at a time.
/// **Lifetime** the index and the source outlive it.
///
/// spec: Room Versions 1, 2 and 12, "State resolution"
class LARES_EXPORT Resolution {
 public:
  /// `states` are the states to merge, one at least, of one room. All their events that differ, and the auth
  /// events of these, are in `index`; version 1 needs it not.
  Resolution(const RoomVersion& version, std::vector<StateMap> states, const AuthChainIndex& index,
             const ResolutionSource& source, ResolutionReading reading = ResolutionReading::kAsDeployed);
  Resolution(Resolution&&) noexcept;
  Resolution& operator=(Resolution&&) noexcept;
  ~Resolution();

  /// Works for about `budget` events (one takes some microseconds). Comparing the states and asking the index
  /// are done in one go.
  [[nodiscard]] ResolutionStatus step(std::size_t budget, NodeStore* store = nullptr);

  [[nodiscard]] std::span<const std::uint64_t> missing_events() const noexcept;
  [[nodiscard]] std::span<const std::string> missing_ids() const noexcept;
  [[nodiscard]] StateMapError state_error() const noexcept;

  /// With kDone. It shares what it can with the first state.
  [[nodiscard]] const StateMap& result() const noexcept;
  /// With kDone: what became of each event of the full conflicted set.
  [[nodiscard]] std::span<const ResolutionDecision> decisions() const noexcept;
  /// With kDone: the keys at which the states differed, ascending.
  [[nodiscard]] std::span<const std::uint64_t> conflicted_keys() const noexcept;

  /// Opaque.
  struct Data;

 private:
  std::unique_ptr<Data> data_;
};

}  // namespace lares::matrix
