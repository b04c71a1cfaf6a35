// SPDX-License-Identifier: Apache-2.0
#include <lares/matrix/room_version.hpp>

#include <array>

namespace lares::matrix {

namespace {

// Each row is the one before it with what the version changed, in the words of the version's page.

constexpr RoomVersion kV1{
    .id = "1",
    .event_id_format = EventIdFormat::kRandom,
    .state_resolution = StateResolution::kV1,
    .special_aliases = true,
    .redaction_auth_rule = true,
};

constexpr RoomVersion kV2 = [] {
  RoomVersion v = kV1;
  v.id = "2";
  v.state_resolution = StateResolution::kV2;
  return v;
}();

constexpr RoomVersion kV3 = [] {
  RoomVersion v = kV2;
  v.id = "3";
  v.event_id_format = EventIdFormat::kBase64;
  v.redaction_auth_rule = false;
  return v;
}();

constexpr RoomVersion kV4 = [] {
  RoomVersion v = kV3;
  v.id = "4";
  v.event_id_format = EventIdFormat::kUrlSafeBase64;
  return v;
}();

constexpr RoomVersion kV5 = [] {
  RoomVersion v = kV4;
  v.id = "5";
  v.enforce_key_validity = true;
  return v;
}();

constexpr RoomVersion kV6 = [] {
  RoomVersion v = kV5;
  v.id = "6";
  v.strict_canonical_json = true;
  v.special_aliases = false;
  v.limit_notifications = true;
  return v;
}();

constexpr RoomVersion kV7 = [] {
  RoomVersion v = kV6;
  v.id = "7";
  v.knock = true;
  return v;
}();

constexpr RoomVersion kV8 = [] {
  RoomVersion v = kV7;
  v.id = "8";
  v.restricted_join = true;
  return v;
}();

constexpr RoomVersion kV9 = [] {
  RoomVersion v = kV8;
  v.id = "9";
  v.keep_authorising_user = true;
  return v;
}();

constexpr RoomVersion kV10 = [] {
  RoomVersion v = kV9;
  v.id = "10";
  v.knock_restricted = true;
  v.integer_power_levels = true;
  return v;
}();

constexpr RoomVersion kV11 = [] {
  RoomVersion v = kV10;
  v.id = "11";
  v.implicit_creator = true;
  v.redaction_v11 = true;
  v.redacts_in_content = true;
  v.strict_byte_limits = true;
  return v;
}();

constexpr RoomVersion kV12 = [] {
  RoomVersion v = kV11;
  v.id = "12";
  v.state_resolution = StateResolution::kV2_1;
  v.privileged_creators = true;
  v.room_id_is_create_hash = true;
  return v;
}();

constexpr std::array kVersions{kV1, kV2, kV3, kV4, kV5, kV6, kV7, kV8, kV9, kV10, kV11, kV12};

constexpr std::size_t kDefaultIndex = 11;
static_assert(kVersions[kDefaultIndex].id == "12");

}  // namespace

std::span<const RoomVersion> room_versions() noexcept {
  return kVersions;
}

const RoomVersion* find_room_version(std::string_view id) noexcept {
  for (const RoomVersion& version : kVersions) {
    if (version.id == id) {
      return &version;
    }
  }
  return nullptr;
}

const RoomVersion& default_room_version() noexcept {
  return kVersions[kDefaultIndex];
}

}  // namespace lares::matrix
