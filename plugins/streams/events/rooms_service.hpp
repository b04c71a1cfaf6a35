// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/server.hpp>
#include <lares/service/rooms.hpp>
#include <lares/storage/intern.hpp>
#include <lares/stream/hub.hpp>

#include <memory>

#include "event_reader.hpp"
#include "partial_state.hpp"
#include "room_caches.hpp"
#include "visibility.hpp"

namespace lares::events {

/// Reads of rooms for endpoints and other plugins.
///
/// **Threads**: any.
class RoomsService final : public service::Rooms {
 public:
  RoomsService(Server& server, storage::Database& database, storage::Interner& interner, stream::Hub& hub,
               RoomCaches& caches, PartialState& partial, const EventReader& reader);

  Task<std::unique_ptr<service::RoomView>> view(const http::Requester& requester,
                                                const matrix::RoomId& room) override;
  Task<std::unique_ptr<service::RoomView>> peek(const http::Requester& requester,
                                                const matrix::RoomId& room) override;
  Task<std::vector<service::Membership>> memberships(std::int64_t user,
                                                     std::span<const std::string_view> which) override;
  Task<std::vector<std::int64_t>> joined_rooms(std::int64_t user) override;
  Task<matrix::EventPtr> current_state(const matrix::RoomId& room, std::string type,
                                       std::string state_key) override;
  Task<std::optional<std::int64_t>> number(const matrix::RoomId& room) override;
  Task<std::vector<service::NotifyingEvent>> notifying_events(std::int64_t room, std::int64_t reader,
                                                              std::int64_t after, std::int64_t upto) override;
  Task<service::StoredEventPtr> event(std::string event_id) override;
  Task<bool> has_transaction(std::int64_t room, std::string scope, std::string id) override;
  Task<std::optional<service::Membership>> membership(std::int64_t user, std::int64_t room) override;
  Task<std::shared_ptr<const std::vector<std::int64_t>>> joined_users(std::int64_t room) override;

 private:
  friend class RoomViewImpl;
  Task<std::unique_ptr<service::RoomView>> open(const http::Requester& requester, const matrix::RoomId& room,
                                                bool peek);
  Task<UserRooms> rooms_of(std::int64_t user);
  /// Root of the state in force, out of the newest event that this process has applied.
  Task<std::int64_t> current_root(std::int64_t room);

  ServiceRegistry& services_;
  Runtime& runtime_;
  storage::Database& database_;
  storage::Interner& interner_;
  stream::Hub& hub_;
  RoomCaches& caches_;
  PartialState& partial_;
  const EventReader& reader_;
};

/// The users whom a user ignores; null where no plugin keeps account data.
Task<IgnoredUsers> ignored_by(ServiceRegistry& services, std::int64_t user);

/// The events of a view's room that its reader may see, in their order, ready to be shown by the view.
Task<std::vector<service::StoredEventPtr>> visible_in(service::RoomView& view,
                                                      std::vector<service::StoredEventPtr> events);
/// Number of the user for whom a view was made.
[[nodiscard]] std::int64_t reader_of(const service::RoomView& view) noexcept;

}  // namespace lares::events
