// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/json/value.hpp>
#include <lares/matrix/room_version.hpp>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace lares::matrix {

class Event;

/// A power level: an integer, or the infinite one of creators from room version 12 on.
class PowerLevel {
 public:
  constexpr PowerLevel() = default;
  constexpr explicit PowerLevel(std::int64_t level) noexcept : level_{level} {}
  [[nodiscard]] static constexpr PowerLevel infinite() noexcept {
    PowerLevel level;
    level.infinite_ = true;
    return level;
  }

  [[nodiscard]] constexpr bool is_infinite() const noexcept { return infinite_; }
  /// The integer; the largest one when infinite.
  [[nodiscard]] constexpr std::int64_t value() const noexcept {
    return infinite_ ? std::numeric_limits<std::int64_t>::max() : level_;
  }

  friend constexpr bool operator==(const PowerLevel&, const PowerLevel&) noexcept = default;
  friend constexpr std::strong_ordering operator<=>(const PowerLevel& a, const PowerLevel& b) noexcept {
    if (a.infinite_ != b.infinite_) {
      return a.infinite_ ? std::strong_ordering::greater : std::strong_ordering::less;
    }
    return a.infinite_ ? std::strong_ordering::equal : a.level_ <=> b.level_;
  }

 private:
  std::int64_t level_ = 0;
  bool infinite_ = false;
};

/// The levels that a power levels event names at its top.
enum class PowerAction : std::uint8_t {
  kBan,
  kKick,
  kInvite,
  kRedact,
  kUsersDefault,
  kEventsDefault,
  kStateDefault
};

inline constexpr std::size_t kPowerActions = 7;

/// The parts of a power levels event's content; missing values where it does not have them.
struct LevelParts {
  /// By PowerAction.
  std::array<json::Value, kPowerActions> actions;
  json::Value events;
  json::Value notifications;
  json::Value users;
};

/// Reads the power levels of a room at a point: out of its power levels event, or the defaults that hold
/// without one.
///
/// A reader over the events' bytes, made in passing: making it walks once over the content.
///
/// **Lifetime** that of the two events.
///
/// spec: Client-Server API, "m.room.power_levels"; Room Version 12, "Room creators"
class LARES_EXPORT PowerLevels {
 public:
  /// `create` and `power_levels` may be null: a room without the one gives nobody creator's power, without
  /// the other the defaults hold (the creator has 100 until version 11).
  PowerLevels(const RoomVersion& version, const Event* create, const Event* power_levels) noexcept;

  /// There is a power levels event.
  [[nodiscard]] bool explicitly_set() const noexcept { return explicit_; }
  /// What the power levels event has, as it stands there; nothing but missing values without one.
  [[nodiscard]] const LevelParts& parts() const noexcept { return parts_; }
  /// The level of a user.
  [[nodiscard]] PowerLevel user(std::string_view user_id) const noexcept;
  /// Whether the user is a creator whose power is infinite (version 12).
  [[nodiscard]] bool is_privileged_creator(std::string_view user_id) const noexcept;
  /// What sending an event of this type takes.
  [[nodiscard]] PowerLevel to_send(std::string_view event_type, bool is_state) const noexcept;
  /// What an action takes, or the default of a kind.
  [[nodiscard]] PowerLevel to(PowerAction action) const noexcept;
  /// What `notifications.KEY` takes; 50 unless set.
  [[nodiscard]] PowerLevel to_notify(std::string_view key) const noexcept;

  /// A level as the version reads it: an integer, before version 10 also a string that Python's int() would
  /// take, or a fraction cut off; what is beyond 64 bits is the last within. Nothing when it is none.
  [[nodiscard]] static std::optional<std::int64_t> read_level(const json::Value& value,
                                                              const RoomVersion& version) noexcept;

 private:
  const RoomVersion* version_;
  const Event* create_;
  LevelParts parts_;
  bool explicit_ = false;
};

/// Whether a user created the room: the sender of the create event (version 11), before that its `creator`;
/// from version 12 on also the `additional_creators`.
[[nodiscard]] LARES_EXPORT bool is_creator(const Event& create, std::string_view user_id) noexcept;

}  // namespace lares::matrix
