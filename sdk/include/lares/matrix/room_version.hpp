// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <cstdint>
#include <span>
#include <string_view>

namespace lares::matrix {

/// Where an event's id comes from.
enum class EventIdFormat : std::uint8_t {
  kRandom,         ///< given by the sending server, `$opaque:server`; references carry hashes beside the id
  kBase64,         ///< the reference hash in standard base64
  kUrlSafeBase64,  ///< the reference hash in URL-safe base64
};

/// Which algorithm merges forks.
enum class StateResolution : std::uint8_t { kV1, kV2, kV2_1 };

/// What a room version is: one row of capabilities. Every algorithm asks the row and none looks at the
/// version's name.
///
/// A further version is a further row in room_version.cpp, and a further member here for what is truly new in
/// it. The comment of each member names the first version that has it.
struct RoomVersion {
  /// The name, as `content.room_version` of the create event carries it.
  std::string_view id;
  /// Kept stable; else a room of it is served, and its version announced as unstable.
  bool stable = true;

  EventIdFormat event_id_format = EventIdFormat::kUrlSafeBase64;
  StateResolution state_resolution = StateResolution::kV2;

  /// A signing key counts only for events before its `valid_until_ts` (5).
  bool enforce_key_validity = false;
  /// Numbers are integers within +-(2^53 - 1) (6).
  bool strict_canonical_json = false;
  /// m.room.aliases has an authorisation rule of its own, and `aliases` survives redaction (until 5).
  bool special_aliases = false;
  /// The rule for m.room.redaction stands among the authorisation rules (until 2).
  bool redaction_auth_rule = false;
  /// Changes to `notifications` of the power levels are authorised (6).
  bool limit_notifications = false;
  /// Knocking (7).
  bool knock = false;
  /// Join rule `restricted` (8); `allow` of the join rules survives redaction.
  bool restricted_join = false;
  /// `join_authorised_via_users_server` survives redaction (9).
  bool keep_authorising_user = false;
  /// Join rule `knock_restricted` (10).
  bool knock_restricted = false;
  /// Power levels are integers, never strings, and each named property of them is checked (10).
  bool integer_power_levels = false;
  /// The creator is the sender of the create event and has no property in its content (11).
  bool implicit_creator = false;
  /// The redaction algorithm of version 11: all of the create event's content stays, `origin`, `membership`
  /// and `prev_state` go, and others.
  bool redaction_v11 = false;
  /// A redaction names its target in `content.redacts` (11), before that at the top level.
  bool redacts_in_content = false;
  /// Field limits are counted in bytes for whatever is received (11); before, an event whose fields are
  /// within 255 code points but not bytes is accepted from other servers.
  bool strict_byte_limits = false;
  /// Creators have infinite power, and `additional_creators` names more of them (12).
  bool privileged_creators = false;
  /// The room's id is the hash of its create event, which has no `room_id`; no event lists it in
  /// `auth_events` (12).
  bool room_id_is_create_hash = false;

  /// Events carry their own `event_id`, and references are pairs of id and hashes.
  [[nodiscard]] constexpr bool has_event_id_field() const noexcept {
    return event_id_format == EventIdFormat::kRandom;
  }

  /// Versions are compared by identity: the rows are the table's.
  friend bool operator==(const RoomVersion& a, const RoomVersion& b) noexcept { return a.id == b.id; }
};

/// All versions, oldest first.
[[nodiscard]] LARES_EXPORT std::span<const RoomVersion> room_versions() noexcept;

/// The row of a version by its name; null when it is unknown, which callers report by the name.
///
/// **Lifetime** rows live as long as the program.
[[nodiscard]] LARES_EXPORT const RoomVersion* find_room_version(std::string_view id) noexcept;

/// The version that new rooms get when nothing else is configured.
[[nodiscard]] LARES_EXPORT const RoomVersion& default_room_version() noexcept;

}  // namespace lares::matrix
