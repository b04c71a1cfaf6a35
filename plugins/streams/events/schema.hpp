// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/storage/migration.hpp>

#include <cstdint>

namespace lares::events {

/// Bits of `events.flags`.
enum EventFlags : std::int64_t {
  kRejected = 1,
  kSoftFailed = 2,
  kPartialState = 4,
  kRedacts = 64,  ///< it is a redaction in force
};
/// Two further bits hold service::Notify.
inline constexpr int kNotifyShift = 4;
inline constexpr std::int64_t kNotifyMask = 3 << kNotifyShift;

/// `room_memberships.membership`. The numbers are stored.
enum class MembershipCode : std::int64_t { kJoin = 1, kInvite = 2, kKnock = 3, kLeave = 4, kBan = 5 };

[[nodiscard]] std::string_view membership_name(MembershipCode code) noexcept;
/// An unknown word counts as leave, which admits to nothing.
[[nodiscard]] MembershipCode membership_code(std::string_view name) noexcept;

/// The tables of rooms, events, state and memberships.
[[nodiscard]] storage::Schema events_schema();

}  // namespace lares::events
