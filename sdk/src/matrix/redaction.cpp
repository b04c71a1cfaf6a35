// SPDX-License-Identifier: Apache-2.0
#include "redaction.hpp"

#include <lares/json/writer.hpp>

#include <array>

namespace lares::matrix::detail {

namespace {

using Keys = std::span<const std::string_view>;

constexpr std::array<std::string_view, 12> kTopLevel{
    "event_id", "type",       "room_id", "sender",      "state_key",   "content",
    "hashes",   "signatures", "depth",   "prev_events", "auth_events", "origin_server_ts"};
/// Kept beside those before version 11.
constexpr std::array<std::string_view, 3> kOldTopLevel{"prev_state", "origin", "membership"};

constexpr std::array<std::string_view, 9> kPowerLevels{
    "ban", "events", "events_default", "kick", "redact", "state_default", "users", "users_default", "invite"};
constexpr std::array<std::string_view, 2> kJoinRules{"join_rule", "allow"};
constexpr std::array<std::string_view, 2> kMember{"membership", "join_authorised_via_users_server"};
constexpr std::array<std::string_view, 1> kCreate{"creator"};
constexpr std::array<std::string_view, 1> kAliases{"aliases"};
constexpr std::array<std::string_view, 1> kHistoryVisibility{"history_visibility"};
constexpr std::array<std::string_view, 1> kRedaction{"redacts"};

[[nodiscard]] bool contains(Keys keys, const json::StringView& key) noexcept {
  for (const std::string_view candidate : keys) {
    if (key.equals(candidate)) {
      return true;
    }
  }
  return false;
}

/// The names that stay in the content of an event of this type, and whether all of them do.
struct ContentRule {
  Keys keys;
  bool everything = false;
  bool third_party_signed = false;
};

ContentRule rule_for(std::string_view type, const RoomVersion& version) noexcept {
  if (type == "m.room.member") {
    return {Keys{kMember}.first(version.keep_authorising_user ? 2 : 1), false, version.redaction_v11};
  }
  if (type == "m.room.create") {
    return {kCreate, version.redaction_v11, false};
  }
  if (type == "m.room.join_rules") {
    return {Keys{kJoinRules}.first(version.restricted_join ? 2 : 1), false, false};
  }
  if (type == "m.room.power_levels") {
    return {Keys{kPowerLevels}.first(version.redaction_v11 ? 9 : 8), false, false};
  }
  if (type == "m.room.history_visibility") {
    return {kHistoryVisibility, false, false};
  }
  if (type == "m.room.aliases" && version.special_aliases) {
    return {kAliases, false, false};
  }
  if (type == "m.room.redaction" && version.redacts_in_content) {
    return {kRedaction, false, false};
  }
  return {};
}

bool append_content(json::Writer& writer, const json::Value& content, const ContentRule& rule) {
  bool removed = false;
  writer.begin_object();
  for (const json::Member& member : content.members()) {
    if (rule.third_party_signed && member.key.equals("third_party_invite") && member.value.is_object()) {
      // An object without `signed` stays as an empty one: so the ids that other servers compute have it.
      writer.key("third_party_invite").begin_object();
      for (const json::Member& inner : member.value.members()) {
        if (inner.key.equals("signed")) {
          writer.raw_member(inner.bytes);
        } else {
          removed = true;
        }
      }
      writer.end_object();
      continue;
    }
    if (contains(rule.keys, member.key)) {
      writer.raw_member(member.bytes);
    } else {
      removed = true;
    }
  }
  writer.end_object();
  return removed;
}

}  // namespace

bool append_redacted(std::string& out, std::span<const json::Member> members, std::string_view type,
                     const RoomVersion& version, bool keep_signatures) {
  bool removed = false;
  const ContentRule rule = rule_for(type, version);
  json::Writer writer{out};
  writer.begin_object();
  for (const json::Member& member : members) {
    if (member.key.equals("content") && member.value.is_object() && !rule.everything) {
      writer.key("content");
      removed = append_content(writer, member.value, rule) || removed;
      continue;
    }
    if (member.key.equals("signatures")) {
      if (keep_signatures) {
        writer.raw_member(member.bytes);
      }
      continue;
    }
    if (contains(kTopLevel, member.key) || (!version.redaction_v11 && contains(kOldTopLevel, member.key))) {
      writer.raw_member(member.bytes);
    } else if (!member.key.equals("unsigned")) {
      removed = true;
    }
  }
  writer.end_object();
  return removed;
}

}  // namespace lares::matrix::detail
