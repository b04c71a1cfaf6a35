// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/http/requester.hpp>
#include <lares/matrix/identifiers.hpp>
#include <lares/matrix/room_version.hpp>
#include <lares/service/event_sink.hpp>
#include <lares/service/stored_event.hpp>
#include <lares/stream/token.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lares::matrix {
class EventFilter;
}

namespace lares::service {

enum class Direction : std::uint8_t { kBackwards, kForwards };

/// A place in a room's history: (depth, stream id). What `prev_batch`, `start` and `end` carry: `h12-345`.
struct HistoryPlace {
  std::int64_t depth = 0;
  std::int64_t position = 0;
  [[nodiscard]] LARES_EXPORT std::string text() const;
  [[nodiscard]] LARES_EXPORT static std::optional<HistoryPlace> parse(std::string_view text);
  auto operator<=>(const HistoryPlace&) const = default;
};

/// A page of a room's history.
struct HistoryPage {
  std::vector<StoredEventPtr> events;  ///< in the order of travel
  HistoryPlace start;
  std::optional<HistoryPlace> end;  ///< absent at the end of what the requester may see
};

/// A room as one requester may see it: membership, history visibility, ignored users and redactions are
/// applied to whatever it gives. Endpoints get events from nowhere else.
///
/// **Lifetime**: of the request.
class LARES_EXPORT RoomView {
 public:
  virtual ~RoomView();

  [[nodiscard]] virtual std::int64_t room() const noexcept = 0;
  [[nodiscard]] virtual const matrix::RoomId& room_id() const noexcept = 0;
  [[nodiscard]] virtual const matrix::RoomVersion& version() const noexcept = 0;
  /// "join", "invite", "knock", "leave", "ban", or empty for one who never was in it.
  [[nodiscard]] virtual std::string_view membership() const noexcept = 0;

  virtual Task<StoredEventPtr> event(
      std::string_view event_id) = 0;  ///< null if it is not there or not to be seen
  virtual Task<StoredEventPtr> state_event(std::string_view type, std::string_view state_key) = 0;
  virtual Task<std::vector<StoredEventPtr>> state() = 0;
  /// State before the place, for the `at` of /members and the `state` of /context.
  virtual Task<std::vector<StoredEventPtr>> state_at(StoredEventPtr event) = 0;
  virtual Task<std::vector<StoredEventPtr>> members(std::optional<stream::Token> at) = 0;
  /// The place of the newest event that a token of /sync covers: of several writers it may be ahead of some,
  /// and what the others write beneath that is not in it.
  virtual Task<HistoryPlace> place_at(stream::Token at) = 0;
  virtual Task<HistoryPage> history(std::optional<HistoryPlace> from, std::optional<HistoryPlace> to,
                                    Direction direction, std::size_t limit,
                                    const matrix::EventFilter* filter) = 0;

  /// Appends the client's form with `unsigned` for this reader (age, transaction_id, prev_content,
  /// redacted_because, membership).
  virtual void append_client_event(std::string& out, const StoredEvent& event, bool omit_room_id) const = 0;
};

/// A user's membership of a room.
struct Membership {
  std::int64_t room = 0;
  std::string room_id;
  std::string membership;
  std::int64_t event = 0;     ///< number of the member event
  std::int64_t position = 0;  ///< stream id of it
  stream::WriterNumber writer = 0;
};

/// What an event does to unread counts: see EventMarks.
struct NotifyingEvent {
  std::int64_t number = 0;
  std::int64_t position = 0;
  std::int64_t thread = 0;  ///< number of the thread's root; 0 for the main timeline
  Notify notify = Notify::kNothing;
  bool redacted = false;  ///< it counts no longer, for anybody
  bool redacts = false;   ///< what was counted of former events may hold no longer
};

/// Reads of rooms, out of caches and the database.
///
/// **Threads**: any.
class LARES_EXPORT Rooms {
 public:
  static constexpr std::string_view kServiceId = "lares.rooms/1";
  virtual ~Rooms();

  /// **Errors**: MatrixError 403 M_FORBIDDEN for a stranger to the room and for a room that does not exist
  /// alike.
  virtual Task<std::unique_ptr<RoomView>> view(const http::Requester& requester,
                                               const matrix::RoomId& room) = 0;
  /// As above, but also for a room that is world readable, or that the requester was in once.
  virtual Task<std::unique_ptr<RoomView>> peek(const http::Requester& requester,
                                               const matrix::RoomId& room) = 0;

  /// The rooms in which a user has one of these memberships ("join", "invite" ...).
  virtual Task<std::vector<Membership>> memberships(std::int64_t user,
                                                    std::span<const std::string_view> which) = 0;

  /// Numbers of the rooms that a user is joined to.
  virtual Task<std::vector<std::int64_t>> joined_rooms(std::int64_t user) = 0;

  /// The current state event; for the server's own decisions, not for an endpoint's answer.
  virtual Task<matrix::EventPtr> current_state(const matrix::RoomId& room, std::string type,
                                               std::string state_key) = 0;
  /// The interned number of a room that is known here.
  virtual Task<std::optional<std::int64_t>> number(const matrix::RoomId& room) = 0;
  /// Events of a room that do something to unread counts, or belong to a thread, sent by others than
  /// `reader`; also redactions, and what is redacted. Position in (after, upto], oldest first, 10,000 at
  /// most.
  virtual Task<std::vector<NotifyingEvent>> notifying_events(std::int64_t room, std::int64_t reader,
                                                             std::int64_t after, std::int64_t upto) = 0;
  /// An event of a room by its id, whoever asks: for the server's own decisions. Null if it is not there.
  virtual Task<StoredEventPtr> event(std::string event_id) = 0;
  /// Whether a transaction of a scope (see transaction_scope) has sent its event into a room.
  virtual Task<bool> has_transaction(std::int64_t room, std::string scope, std::string id) = 0;
  /// Position and writer of the member event by which the user came to be in the room as it is now.
  virtual Task<std::optional<Membership>> membership(std::int64_t user, std::int64_t room) = 0;
  /// Numbers of the users joined to a room now.
  virtual Task<std::shared_ptr<const std::vector<std::int64_t>>> joined_users(std::int64_t room) = 0;
};

}  // namespace lares::service
