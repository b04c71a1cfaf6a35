// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/matrix/identifiers.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lares::matrix {
class Event;
}

namespace lares::service {

/// What the modules say about something a user is about to do.
struct SpamVerdict {
  bool allowed = true;
  std::string errcode = {};       ///< where denied: the Matrix error code
  std::string message = {};       ///< where denied: what the client may show
  std::string extra_fields = {};  ///< where denied: a JSON object of further fields for the error, or empty
};

/// Asks the modules that check for spam, in their configured order; the first that denies decides. Always
/// provided, by the host; without such modules every answer is yes and costs nothing.
///
/// **Threads**: any.
/// **Errors**: none; a module that fails or is late counts as its slot says (see
/// lares/module/draft/spam_checker.h).
/// **Cancellation**: takes effect once the module that is being asked has answered, or is late.
class LARES_EXPORT SpamChecker {
 public:
  static constexpr std::string_view kServiceId = "lares.spam-checker/1";
  virtual ~SpamChecker();

  enum class Hook : std::uint8_t { Event, Invite, Join, CreateRoom };

  /// Whether any module has an opinion of this kind: lets a hot path skip what the question would cost.
  [[nodiscard]] virtual bool asks(Hook hook) const noexcept = 0;

  /// An event that a local user is about to send, unsigned and without a place in the room's graph. `room` is
  /// absent for what a new room begins with: it has no id yet, whatever the event says. `event` must outlive
  /// the await.
  virtual Task<SpamVerdict> check_event(const matrix::Event& event, std::optional<matrix::RoomId> room) = 0;
  /// `room` is absent for one that is made with its invites. `federated`: the invite came from another
  /// server.
  virtual Task<SpamVerdict> user_may_invite(matrix::UserId inviter, matrix::UserId invitee,
                                            std::optional<matrix::RoomId> room, bool federated) = 0;
  virtual Task<SpamVerdict> user_may_join_room(matrix::UserId user, matrix::RoomId room, bool invited) = 0;
  /// `request`: the body of createRoom as JSON; for an upgrade, `creation_content` and `initial_state` of one
  /// that would make the new room.
  virtual Task<SpamVerdict> user_may_create_room(matrix::UserId user, std::string request) = 0;
};

}  // namespace lares::service
