// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/matrix/auth_chain.hpp>
#include <lares/matrix/event.hpp>
#include <lares/matrix/state_map.hpp>
#include <lares/matrix/state_resolution.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lares::matrix::test {

using Place = std::pair<std::string, std::string>;
/// A state as a reader sees it: places and event ids.
using ReadableState = std::map<Place, std::string>;

/// A room as one server holds it: every event it received, the verdict, and the states before and after.
class RoomModel final : public ResolutionSource {
 public:
  struct Known {
    EventPtr event;
    bool rejected = false;
    std::optional<AuthFailure> refused_by;
    StateMap before;
    StateMap after;
  };

  explicit RoomModel(const RoomVersion& version, ResolutionReading reading = ResolutionReading::kAsDeployed);

  /// Takes an event whose prev_events and auth_events it has.
  const Known& receive(const EventPtr& event);
  [[nodiscard]] const Known& known(std::string_view event_id) const;
  [[nodiscard]] bool has(std::string_view event_id) const { return numbers_.contains(std::string{event_id}); }

  /// The resolution of the states after these events.
  [[nodiscard]] StateMap state_after(const std::vector<std::string>& event_ids);
  [[nodiscard]] Resolution resolution(std::vector<StateMap> states) const;
  [[nodiscard]] StateMap resolve(std::vector<StateMap> states) const;

  [[nodiscard]] ReadableState readable(const StateMap& state) const;
  [[nodiscard]] StateMap from_readable(const ReadableState& state);
  [[nodiscard]] const Event* at(const StateMap& state, std::string_view type,
                                std::string_view state_key) const;

  /// Fills in what follows from the place in the graph, and makes the event: prev_events, auth_events, depth,
  /// ids. Auth events are those that the state asks for, unless some are given.
  [[nodiscard]] EventPtr make(EventDraft draft, const std::vector<std::string>& after,
                              const std::optional<std::vector<std::string>>& auth_events = {});

  [[nodiscard]] const Event* find(std::uint64_t event) const override;
  [[nodiscard]] std::uint64_t number(std::string_view event_id) const override;
  [[nodiscard]] bool rejected(std::uint64_t event) const override;
  [[nodiscard]] std::uint64_t key(std::string_view type, std::string_view state_key) const override;

  [[nodiscard]] const AuthChainIndex& index() const noexcept { return index_; }
  [[nodiscard]] const RoomVersion& version() const noexcept { return *version_; }
  [[nodiscard]] ResolutionReading reading() const noexcept { return reading_; }

 private:
  std::uint64_t intern(std::string_view type, std::string_view state_key);

  const RoomVersion* version_;
  ResolutionReading reading_;
  std::vector<Known> events_;
  std::map<std::string, std::uint64_t, std::less<>> numbers_;
  std::map<Place, std::uint64_t> keys_;
  std::vector<Place> places_;
  AuthChainIndex index_;
  std::optional<std::string> room_id_;
  std::uint64_t made_ = 0;
};

}  // namespace lares::matrix::test
