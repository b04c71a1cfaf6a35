// SPDX-License-Identifier: Apache-2.0
// The working state of a resolution. Private to its sources.
#pragma once

#include <lares/matrix/power_levels.hpp>
#include <lares/matrix/state_resolution.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace lares::matrix {

/// An event of the full conflicted set.
struct ConflictedEvent {
  std::uint64_t number = 0;
  std::uint64_t key = 0;
  const Event* event = nullptr;
  /// The numbers of its auth events.
  std::vector<std::uint64_t> auth_events;
};

/// What remains to be tried in a pass: indexes into the full conflicted set, in order.
struct ResolutionTask {
  ResolutionPass pass{};
  std::vector<std::uint32_t> order;
};

struct Resolution::Data {
  enum class Stage : std::uint8_t {
    kCompare,
    kCollect,
    kGather,
    kGatherState,
    kOrderPower,
    kTryPower,
    kOrderOthers,
    kTryOthers,
    kSort,
    kTry,
    kFinish,
    kDone,
  };

  const RoomVersion* version = nullptr;
  const AuthChainIndex* index = nullptr;
  const ResolutionSource* source = nullptr;
  ResolutionReading reading{};
  std::vector<StateMap> states;
  NodeStore* store = nullptr;

  Stage stage = Stage::kCompare;
  std::size_t budget = 0;
  std::size_t cursor = 0;

  // The conflict.
  std::vector<std::uint64_t> conflicted_keys;
  std::unordered_set<std::uint64_t> conflicted_key_set;
  /// For each state its events at conflicted keys, and all of them once.
  std::vector<std::vector<std::uint64_t>> sets;
  std::vector<std::uint64_t> conflicted_events;

  // The full conflicted set.
  std::vector<std::uint64_t> full_set;
  std::vector<ConflictedEvent> events;
  std::unordered_map<std::uint64_t, std::uint32_t> event_index;
  /// Of a room whose id is its create event's hash; 0 elsewhere.
  std::uint64_t create = 0;

  /// What the passes have put over the state they began with.
  std::unordered_map<std::uint64_t, std::uint64_t> partial;
  /// v1: entries that some states have and no other contradicts.
  std::unordered_map<std::uint64_t, std::uint64_t> one_sided;
  std::vector<ResolutionTask> tasks;
  std::vector<ResolutionDecision> decisions;
  std::unordered_set<std::uint32_t> in_power_pass;

  std::vector<std::uint64_t> missing_events;
  std::vector<std::string> missing_ids;
  std::unordered_set<std::uint64_t> noted;
  std::unordered_set<std::string> noted_ids;
  bool missing_chains = false;
  std::optional<StateMapError> state_error;

  StateMap result;

  /// Whether something is missing, and what to answer then.
  [[nodiscard]] std::optional<ResolutionStatus> missing() const noexcept;
  [[nodiscard]] bool spend() noexcept { return budget > 0 && budget-- > 0; }

  /// The event of a number; null, and noted, when it is not at hand.
  [[nodiscard]] const Event* need(std::uint64_t number);
  /// Notes an event that the index lacks; false.
  bool not_in_index(const AuthChainError& error);
  /// The number of the event that all states have at a key; 0 when there is none.
  [[nodiscard]] std::uint64_t unconflicted(std::uint64_t key);
  /// The event at a place of the partial state, the state it began with beneath; 0 when there is none.
  [[nodiscard]] std::uint64_t partial_at(std::uint64_t key);
  /// Holds an event against the partial state, and puts it there if it is allowed. Nothing when an event was
  /// missing.
  [[nodiscard]] std::optional<AuthVerdict> try_event(const ConflictedEvent& conflicted);
  [[nodiscard]] std::optional<AuthVerdict> check(const ConflictedEvent& conflicted);

  // Stages; each gives whether it is finished. When it is not, something is missing or the budget spent.
  [[nodiscard]] bool compare();
  [[nodiscard]] bool collect();
  [[nodiscard]] bool gather();
  [[nodiscard]] bool gather_state();
  [[nodiscard]] bool order_power();
  [[nodiscard]] bool order_others();
  [[nodiscard]] bool try_in_order();
  [[nodiscard]] bool finish();

  [[nodiscard]] bool is_v1() const noexcept { return version->state_resolution == StateResolution::kV1; }

  // state_resolution_v1.cpp
  [[nodiscard]] bool v1_sort();
  [[nodiscard]] bool v1_try();
};

/// Whether an event may take someone's ability to do something.
///
/// spec: Room Version 2, "State resolution", "Definitions" ("Power events")
[[nodiscard]] bool is_power_event(const Event& event);

}  // namespace lares::matrix
