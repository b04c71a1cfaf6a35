// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/matrix/auth_chain.hpp>
#include <lares/matrix/event.hpp>
#include <lares/matrix/state_map.hpp>
#include <lares/matrix/state_resolution.hpp>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace lares::matrix::bench {

/// A room of many members with two forks. Only events that a resolution may look at are there as events; the
/// members that nobody speaks of are numbers in the state and in the index, which is all that is asked of
/// them.
class ForkedRoom final : public ResolutionSource {
 public:
  /// `changes` entries differ between the forks, each with an event of its own in both.
  ForkedRoom(std::size_t members, std::size_t changes, const RoomVersion& version);

  [[nodiscard]] const Event* find(std::uint64_t event) const override;
  [[nodiscard]] std::uint64_t number(std::string_view event_id) const override;
  [[nodiscard]] bool rejected(std::uint64_t) const override { return false; }
  [[nodiscard]] std::uint64_t key(std::string_view type, std::string_view state_key) const override;

  [[nodiscard]] const RoomVersion& version() const noexcept { return *version_; }
  [[nodiscard]] const AuthChainIndex& index() const noexcept { return index_; }
  [[nodiscard]] const std::vector<StateMap>& forks() const noexcept { return forks_; }
  /// What was added to the index, to build it anew.
  struct Added {
    std::uint64_t event;
    std::uint64_t key;
    std::vector<std::uint64_t> auth_events;
  };
  [[nodiscard]] const std::vector<Added>& added() const noexcept { return added_; }

 private:
  std::uint64_t key_of(const std::string& type, const std::string& state_key);
  std::uint64_t place(std::uint64_t event, std::uint64_t key, std::vector<std::uint64_t> auth_events);
  /// Makes a state event on a fork, and gives the state after it.
  StateMap send(const StateMap& state, const std::string& sender, const std::string& type,
                const std::string& state_key, const std::string& content);

  const RoomVersion* version_;
  std::vector<EventPtr> events_;
  std::unordered_map<std::string, std::uint64_t> numbers_;
  std::unordered_map<std::string, std::uint64_t> keys_;
  std::string scratch_;
  AuthChainIndex index_;
  std::vector<Added> added_;
  std::vector<StateMap> forks_;
  std::uint64_t next_event_ = 1;
  std::string room_id_ = "!room:example.org";
  std::int64_t now_ = 1'700'000'000'000;
};

}  // namespace lares::matrix::bench
