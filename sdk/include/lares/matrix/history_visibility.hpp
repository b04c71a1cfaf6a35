// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <cstdint>
#include <string_view>

namespace lares::matrix {

class Event;

/// Who may see what was said at a time.
///
/// spec: Client-Server API, "Room History Visibility"
enum class HistoryVisibility : std::uint8_t { kShared, kWorldReadable, kInvited, kJoined };

/// A value of `m.room.history_visibility`; one that is not understood counts as shared.
[[nodiscard]] LARES_EXPORT HistoryVisibility read_history_visibility(std::string_view value) noexcept;
/// Of the state event, which may be null: a room without one is shared.
[[nodiscard]] LARES_EXPORT HistoryVisibility history_visibility(const Event* event) noexcept;

/// A user's place in a room.
enum class MembershipState : std::uint8_t { kLeave, kInvite, kKnock, kJoin, kBan };

/// A value of `membership`; one that is not understood counts as leave, which admits to nothing.
[[nodiscard]] LARES_EXPORT MembershipState read_membership(std::string_view value) noexcept;
/// Of a member event, which may be null: who has none has left.
[[nodiscard]] LARES_EXPORT MembershipState membership_state(const Event* event) noexcept;

/// The state of a room at an event, as far as it decides who sees the event.
struct ReaderThen {
  HistoryVisibility visibility = HistoryVisibility::kShared;
  MembershipState membership = MembershipState::kLeave;
};

/// Whether a reader sees an event, `before` and `after` being the state on both sides of it: they differ for
/// an event that changes the visibility or the reader's own membership, and then the more generous one
/// counts. `joined_since`: the reader joined the room at some time after the event was sent, or is in it.
///
/// spec: Client-Server API, "Room History Visibility", server behaviour 1 to 5
[[nodiscard]] LARES_EXPORT bool may_see(const ReaderThen& before, const ReaderThen& after,
                                        bool joined_since) noexcept;

/// Whether another server may have an event: the same question for all of its users at once. `then` has the
/// most that any of its users was at the event (join, then invite); `in_room`: some user of it was in the
/// room at some time after the event.
///
/// spec: Server-Server API, "Retrieving events"
[[nodiscard]] LARES_EXPORT bool server_may_see(const ReaderThen& then, bool in_room) noexcept;

}  // namespace lares::matrix
