// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/measure.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/sync.hpp>
#include <lares/storage/intern.hpp>
#include <lares/stream/hub.hpp>

#include <memory>
#include <optional>
#include <vector>

#include "client_form.hpp"
#include "event_reader.hpp"
#include "prejoin_state.hpp"
#include "room_caches.hpp"

namespace lares::events {

/// The rooms of /sync: which there are, their timelines, state, summaries and invitations. The first
/// contributor: others add to the rooms that it settles.
///
/// spec: Client-Server API, "Syncing"
class SyncSection final : public service::SyncContributor {
 public:
  SyncSection(Server& server, storage::Database& database, storage::Interner& interner, stream::Hub& hub,
              RoomCaches& caches, const EventReader& reader);

  Task<void> contribute(service::SyncScope& scope, service::SyncResponse& response) override;

 private:
  struct Part;
  struct Walk;

  Task<void> joined_room(const service::SyncScope& scope, const RoomMembership& membership,
                         service::SyncResponse& response);
  Task<bool> is_shown_from_the_start(const service::SyncScope& scope, const RoomMembership& membership);
  Task<bool> is_world_readable(const matrix::RoomId& room);
  Task<void> left_room(const service::SyncScope& scope, const RoomMembership& membership,
                       service::SyncResponse& response);
  Task<void> invited_room(const service::SyncScope& scope, const RoomMembership& membership,
                          service::SyncResponse& response);
  /// Waits until `to` covers where the user's rooms stand, and moves it there. False if it does already.
  Task<bool> wait_for_rooms(service::SyncScope& scope, const std::vector<RoomMembership>& rooms,
                            SteadyTime end);
  /// The newest events in (from, to], newest first, at most `limit` + 1 of them, which says that there are
  /// more. `inside`: it goes on below an event that is in there.
  Task<std::vector<service::StoredEventPtr>> newest(const service::SyncScope& scope, std::int64_t room,
                                                    bool all, std::size_t limit, std::int64_t upto,
                                                    bool inside);
  /// Fills in the timeline, oldest first: walks back until there are as many events as are wanted that the
  /// user may and wants to see, or for a bounded while.
  Task<Walk> walk(const service::SyncScope& scope, const RoomMembership& membership, bool whole,
                  std::int64_t upto, Part& part);
  Task<std::vector<service::StoredEventPtr>> shown(const service::SyncScope& scope, Part& part,
                                                   std::vector<service::StoredEventPtr> events);
  /// What is of the state at the end of the walk, was not at its start and is not in the timeline. What it
  /// took the place of goes from the part's state.
  Task<std::vector<service::StoredEventPtr>> state_beside(Part& part, std::int64_t room, std::int64_t start);
  /// Root of the room's state as `from` had it.
  Task<std::int64_t> root_at(std::int64_t room, const stream::Token& from);
  Task<bool> was_joined(const service::SyncScope& scope, const RoomMembership& membership);
  /// Numbers of the events in a state; without members where these are loaded lazily.
  Task<std::vector<std::int64_t>> whole_state(std::int64_t room, std::int64_t root, bool lazy);
  /// `stay`: the user's last one, which says what of the history is the user's.
  Task<Part> part(const service::SyncScope& scope, const RoomMembership& membership,
                  std::optional<RoomMembership> stay, bool whole, std::int64_t upto);
  Task<std::vector<std::string>> heroes(const service::SyncScope& scope, std::int64_t room,
                                        std::int64_t root);
  Task<std::vector<std::string>> former_members(const service::SyncScope& scope, std::int64_t room,
                                                std::int64_t root);
  Task<std::string> summary(const service::SyncScope& scope, std::int64_t room, std::int64_t root);
  Task<void> append_timeline(const service::SyncScope& scope, Part& part, std::vector<std::string>& out);
  Task<void> append_state(const service::SyncScope& scope, const Part& part, std::vector<std::string>& out);
  [[nodiscard]] Reader reader_of(const service::SyncScope& scope, std::string_view transactions) const;
  /// The event of which a state event took the place, or null.
  Task<service::StoredEventPtr> replaced_by(service::StoredEventPtr event);

  /// Numbers of the rooms that no answer shows.
  Task<std::vector<std::int64_t>> hidden_rooms();
  /// Adds the keys of a state whose types are shown whole to who is invited.
  Task<void> append_keys_of_types(std::int64_t room, std::int64_t root, std::vector<std::int64_t>& keys);

  Server& server_;
  ServiceRegistry& services_;
  Runtime& runtime_;
  storage::Database& database_;
  storage::Interner& interner_;
  stream::Hub& hub_;
  RoomCaches& caches_;
  const EventReader& reader_;
  PrejoinState prejoin_;
  MeasuredBlock recents_;
};

}  // namespace lares::events
