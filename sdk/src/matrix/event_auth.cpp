// SPDX-License-Identifier: Apache-2.0
#include "identifier_grammar.hpp"
#include "level_parts.hpp"

#include <fmt/format.h>
#include <lares/crypto/base64.hpp>
#include <lares/crypto/ed25519.hpp>
#include <lares/crypto/signed_json.hpp>
#include <lares/matrix/event_auth.hpp>
#include <lares/matrix/power_levels.hpp>

#include <algorithm>
#include <array>

namespace lares::matrix {

namespace {

constexpr std::string_view kCreate = "m.room.create";
constexpr std::string_view kMember = "m.room.member";
constexpr std::string_view kPowerLevelsType = "m.room.power_levels";
constexpr std::string_view kJoinRules = "m.room.join_rules";
constexpr std::string_view kThirdPartyInvite = "m.room.third_party_invite";
constexpr std::string_view kAuthorisingUser = "join_authorised_via_users_server";

AuthVerdict refuse(AuthRule rule) {
  return std::unexpected(AuthFailure{rule});
}

/// Calls for each member that two objects in canonical form do not have alike, walking them together in the
/// order of their names; false from `visit` ends it.
template <class Visit>
void for_each_change(const json::Value& before, const json::Value& after, Visit visit) {
  if (before.bytes() == after.bytes()) {
    return;
  }
  auto old_at = before.members().begin();
  auto new_at = after.members().begin();
  std::string old_scratch;
  std::string new_scratch;
  while (old_at != std::default_sentinel || new_at != std::default_sentinel) {
    const bool has_old = old_at != std::default_sentinel;
    const bool has_new = new_at != std::default_sentinel;
    if (has_old && has_new && old_at->bytes == new_at->bytes) {
      ++old_at;
      ++new_at;
      continue;
    }
    const std::string_view old_key = has_old ? old_at->key.text(old_scratch) : std::string_view{};
    const std::string_view new_key = has_new ? new_at->key.text(new_scratch) : std::string_view{};
    const bool take_old = has_old && (!has_new || old_key <= new_key);
    const bool take_new = has_new && (!has_old || new_key <= old_key);
    if (!visit(take_old ? old_key : new_key, take_old ? old_at->value : json::Value{},
               take_new ? new_at->value : json::Value{})) {
      return;
    }
    if (take_old) {
      ++old_at;
    }
    if (take_new) {
      ++new_at;
    }
  }
}

/// Holds one event to the rules; the state is looked up once for each entry that a rule names.
class Check {
 public:
  Check(const Event& event, const StateLookup& state) noexcept
      : event_{event}, version_{event.version()}, state_{state} {}

  [[nodiscard]] AuthVerdict run() {
    if (event_.type() == kCreate) {
      return create_event();
    }
    create_ = state_(kCreate, "");
    if (version_.room_id_is_create_hash) {
      if (create_ == nullptr || create_->event_id().substr(1) != event_.room_id().substr(1)) {
        return refuse(AuthRule::kRoomIdNotACreateEvent);
      }
    } else if (create_ == nullptr) {
      return refuse(AuthRule::kAuthEventsNoCreate);
    }
    if (create_->content()["m.federate"].as_bool() == false &&
        create_->sender_server() != event_.sender_server()) {
      return refuse(AuthRule::kNotFederated);
    }
    if (version_.special_aliases && event_.type() == "m.room.aliases") {
      return aliases();
    }
    levels_.emplace(version_, create_, state_(kPowerLevelsType, ""));
    if (event_.type() == kMember) {
      return member();
    }
    if (membership_of(event_.sender()) != "join") {
      return refuse(AuthRule::kSenderNotJoined);
    }
    const PowerLevel own = levels_->user(event_.sender());
    if (event_.type() == kThirdPartyInvite) {
      return own >= levels_->to(PowerAction::kInvite) ? AuthVerdict{}
                                                      : refuse(AuthRule::kThirdPartyInvitePower);
    }
    if (levels_->to_send(event_.type(), event_.is_state()) > own) {
      return refuse(AuthRule::kEventPower);
    }
    if (const auto state_key = event_.state_key();
        state_key && state_key->starts_with('@') && *state_key != event_.sender()) {
      return refuse(AuthRule::kStateKeyIsAnotherUser);
    }
    if (event_.type() == kPowerLevelsType) {
      return power_levels(own);
    }
    if (version_.redaction_auth_rule && event_.type() == "m.room.redaction") {
      const bool same_server =
          event_.redacts() && server_part(*event_.redacts()) == server_part(event_.event_id());
      return own >= levels_->to(PowerAction::kRedact) || same_server ? AuthVerdict{}
                                                                     : refuse(AuthRule::kRedactionPower);
    }
    return {};
  }

 private:
  [[nodiscard]] AuthVerdict create_event() const {
    if (!event_.prev_events().empty()) {
      return refuse(AuthRule::kCreateHasPrevEvents);
    }
    if (version_.room_id_is_create_hash) {
      if (event_.field("room_id")) {
        return refuse(AuthRule::kCreateHasRoomId);
      }
    } else if (server_part(event_.room_id()) != event_.sender_server()) {
      return refuse(AuthRule::kCreateRoomIdDomain);
    }
    const json::Value content = event_.content();
    if (const json::Value named = content["room_version"]) {
      const auto id = named.to_string();
      if (!id || find_room_version(*id) == nullptr) {
        return refuse(AuthRule::kCreateUnknownVersion);
      }
    }
    if (!version_.implicit_creator && !content["creator"]) {
      return refuse(AuthRule::kCreateNoCreator);
    }
    if (version_.privileged_creators) {
      if (const json::Value additional = content["additional_creators"]) {
        if (!additional.is_array()) {
          return refuse(AuthRule::kCreateAdditionalCreators);
        }
        for (const json::Value& creator : additional.elements()) {
          const auto id = creator.to_string();
          if (!id || !UserId::valid(*id)) {
            return refuse(AuthRule::kCreateAdditionalCreators);
          }
        }
      }
    }
    return {};
  }

  [[nodiscard]] AuthVerdict aliases() const {
    const auto state_key = event_.state_key();
    if (!state_key) {
      return refuse(AuthRule::kAliasesNoStateKey);
    }
    return *state_key == event_.sender_server() ? AuthVerdict{} : refuse(AuthRule::kAliasesDomain);
  }

  /// The membership of a user in the state; "leave" when there is none.
  [[nodiscard]] std::string_view membership_of(std::string_view user) const {
    const Event* member = state_(kMember, user);
    if (member == nullptr) {
      return "leave";
    }
    return member->content()["membership"].as_plain_string().value_or("leave");
  }

  /// The join rule of the state; empty when it is none that anybody knows.
  [[nodiscard]] std::string_view join_rule() const {
    const Event* rules = state_(kJoinRules, "");
    const json::Value rule = rules != nullptr ? rules->content()["join_rule"] : json::Value{};
    return rule ? rule.as_plain_string().value_or("") : "invite";
  }

  [[nodiscard]] AuthVerdict member() {
    const auto membership = event_.content()["membership"].as_string();
    const auto target = event_.state_key();
    if (!membership || !target || !detail::user_id_form(*target)) {
      return refuse(AuthRule::kMemberMalformed);
    }
    target_ = *target;
    if (membership->equals("join")) {
      return join();
    }
    if (membership->equals("invite")) {
      return invite();
    }
    if (membership->equals("leave")) {
      return leave();
    }
    if (membership->equals("ban")) {
      return ban();
    }
    if (version_.knock && membership->equals("knock")) {
      return knock();
    }
    return refuse(AuthRule::kUnknownMembership);
  }

  [[nodiscard]] AuthVerdict join() const {
    if (event_.prev_events().size() == 1 && event_.prev_events()[0] == create_->event_id()) {
      const bool creator = version_.implicit_creator ? create_->sender() == target_
                                                     : create_->content()["creator"].equals(target_);
      if (creator) {
        return {};
      }
    }
    if (event_.sender() != target_) {
      return refuse(AuthRule::kJoinForAnother);
    }
    const std::string_view current = membership_of(target_);
    if (current == "ban") {
      return refuse(AuthRule::kJoinBanned);
    }
    const bool in_or_invited = current == "invite" || current == "join";
    const std::string_view rule = join_rule();
    if (rule == "public") {
      return {};
    }
    if (rule == "invite" || (version_.knock && rule == "knock")) {
      return in_or_invited ? AuthVerdict{} : refuse(AuthRule::kJoinNotAllowed);
    }
    if ((version_.restricted_join && rule == "restricted") ||
        (version_.knock_restricted && rule == "knock_restricted")) {
      if (in_or_invited) {
        return {};
      }
      const auto authorising = event_.content()[kAuthorisingUser].to_string();
      if (!authorising || membership_of(*authorising) != "join" ||
          levels_->user(*authorising) < levels_->to(PowerAction::kInvite)) {
        return refuse(AuthRule::kJoinRestricted);
      }
      return {};
    }
    return refuse(AuthRule::kJoinNotAllowed);
  }

  [[nodiscard]] AuthVerdict invite() const {
    if (const json::Value third_party = event_.content()["third_party_invite"]) {
      return third_party_invite(third_party);
    }
    if (membership_of(event_.sender()) != "join") {
      return refuse(AuthRule::kInviterNotJoined);
    }
    const std::string_view current = membership_of(target_);
    if (current == "join" || current == "ban") {
      return refuse(AuthRule::kInviteTargetJoinedOrBanned);
    }
    return levels_->user(event_.sender()) >= levels_->to(PowerAction::kInvite)
               ? AuthVerdict{}
               : refuse(AuthRule::kInvitePower);
  }

  [[nodiscard]] AuthVerdict third_party_invite(const json::Value& third_party) const {
    if (membership_of(target_) == "ban") {
      return refuse(AuthRule::kThirdPartyTargetBanned);
    }
    const json::Value signed_part = third_party["signed"];
    if (!signed_part) {
      return refuse(AuthRule::kThirdPartyNoSigned);
    }
    const auto mxid = signed_part["mxid"].to_string();
    const auto token = signed_part["token"].to_string();
    if (!mxid || !token) {
      return refuse(AuthRule::kThirdPartyNoMxidOrToken);
    }
    if (*mxid != target_) {
      return refuse(AuthRule::kThirdPartyMxidMismatch);
    }
    const Event* invite = state_(kThirdPartyInvite, *token);
    if (invite == nullptr) {
      return refuse(AuthRule::kThirdPartyUnknownToken);
    }
    if (invite->sender() != event_.sender()) {
      return refuse(AuthRule::kThirdPartySenderMismatch);
    }
    const json::Value content = invite->content();
    if (any_signature_by(signed_part, content["public_key"])) {
      return {};
    }
    for (const json::Value& entry : content["public_keys"].elements()) {
      if (any_signature_by(signed_part, entry["public_key"])) {
        return {};
      }
    }
    return refuse(AuthRule::kThirdPartyNoValidSignature);
  }

  [[nodiscard]] static bool any_signature_by(const json::Value& signed_part, const json::Value& public_key) {
    const auto text = public_key.to_string();
    const auto key = text ? crypto::parse_public_key(*text) : std::nullopt;
    if (!key) {
      return false;
    }
    const auto message = crypto::signable_bytes(signed_part.bytes());
    if (!message) {
      return false;
    }
    std::string scratch;
    for (const json::Member& server : signed_part["signatures"].members()) {
      for (const json::Member& signature : server.value.members()) {
        const auto encoded = signature.value.as_plain_string();
        crypto::Ed25519Signature bytes{};
        if (signature.key.text(scratch).starts_with("ed25519:") && encoded &&
            crypto::base64_decode_to(bytes, *encoded) && crypto::verify_ed25519(*key, *message, bytes)) {
          return true;
        }
      }
    }
    return false;
  }

  [[nodiscard]] AuthVerdict leave() const {
    const std::string_view of_target = membership_of(target_);
    if (event_.sender() == target_) {
      const bool inside =
          of_target == "invite" || of_target == "join" || (version_.knock && of_target == "knock");
      return inside ? AuthVerdict{} : refuse(AuthRule::kLeaveNotInRoom);
    }
    if (membership_of(event_.sender()) != "join") {
      return refuse(AuthRule::kKickerNotJoined);
    }
    const PowerLevel own = levels_->user(event_.sender());
    if (of_target == "ban" && own < levels_->to(PowerAction::kBan)) {
      return refuse(AuthRule::kUnbanPower);
    }
    return own >= levels_->to(PowerAction::kKick) && levels_->user(target_) < own
               ? AuthVerdict{}
               : refuse(AuthRule::kKickPower);
  }

  [[nodiscard]] AuthVerdict ban() const {
    if (membership_of(event_.sender()) != "join") {
      return refuse(AuthRule::kBannerNotJoined);
    }
    const PowerLevel own = levels_->user(event_.sender());
    return own >= levels_->to(PowerAction::kBan) && levels_->user(target_) < own
               ? AuthVerdict{}
               : refuse(AuthRule::kBanPower);
  }

  [[nodiscard]] AuthVerdict knock() const {
    const std::string_view rule = join_rule();
    if (rule != "knock" && !(version_.knock_restricted && rule == "knock_restricted")) {
      return refuse(AuthRule::kKnockNotAllowed);
    }
    if (event_.sender() != target_) {
      return refuse(AuthRule::kKnockForAnother);
    }
    const std::string_view current = membership_of(target_);
    return current != "ban" && current != "invite" && current != "join" ? AuthVerdict{}
                                                                        : refuse(AuthRule::kKnockMembership);
  }

  [[nodiscard]] std::optional<std::int64_t> level(const json::Value& value) const noexcept {
    return PowerLevels::read_level(value, version_);
  }

  /// The new power levels are well-formed by themselves.
  [[nodiscard]] AuthVerdict power_levels_form(const LevelParts& after) const {
    // Before version 10 the rules name `users` alone, but a level that cannot be read has no place in the
    // comparisons below, and other servers fail on it as well.
    for (const json::Value& action : after.actions) {
      if (action && !level(action)) {
        return refuse(AuthRule::kPowerLevelsNotIntegers);
      }
    }
    for (const json::Value* map : {&after.events, &after.notifications}) {
      if (map == &after.notifications && !version_.limit_notifications) {
        continue;
      }
      if (*map && !map->is_object()) {
        return refuse(AuthRule::kPowerLevelsMapsMalformed);
      }
      for (const json::Member& entry : map->members()) {
        if (!level(entry.value)) {
          return refuse(AuthRule::kPowerLevelsMapsMalformed);
        }
      }
    }
    if (after.users && !after.users.is_object()) {
      return refuse(AuthRule::kPowerLevelsUsersMalformed);
    }
    std::string scratch;
    for (const json::Member& entry : after.users.members()) {
      if (!UserId::valid(entry.key.text(scratch)) || !level(entry.value)) {
        return refuse(AuthRule::kPowerLevelsUsersMalformed);
      }
    }
    if (version_.privileged_creators) {
      for (const json::Member& entry : after.users.members()) {
        if (is_creator(*create_, entry.key.text(scratch))) {
          return refuse(AuthRule::kPowerLevelsNamesCreator);
        }
      }
    }
    return {};
  }

  /// The levels of events or of notifications.
  [[nodiscard]] AuthVerdict power_levels_map(const json::Value& before, const json::Value& after,
                                             PowerLevel own) const {
    AuthVerdict verdict;
    for_each_change(before, after,
                    [&](std::string_view, const json::Value& old_value, const json::Value& new_value) {
                      const auto old_level = level(old_value);
                      const auto new_level = level(new_value);
                      if (old_level == new_level) {
                        return true;
                      }
                      if (old_level && PowerLevel{*old_level} > own) {
                        verdict = refuse(AuthRule::kPowerLevelsEventCurrent);
                      } else if (new_level && PowerLevel{*new_level} > own) {
                        verdict = refuse(AuthRule::kPowerLevelsEventNew);
                      }
                      return verdict.has_value();
                    });
    return verdict;
  }

  [[nodiscard]] AuthVerdict power_levels(PowerLevel own) const {
    const LevelParts after = detail::level_parts(event_.content());
    if (AuthVerdict form = power_levels_form(after); !form) {
      return form;
    }
    if (!levels_->explicitly_set()) {
      return {};
    }
    const LevelParts& before = levels_->parts();
    for (std::size_t i = 0; i < kPowerActions; ++i) {
      const auto old_level = level(before.actions[i]);
      const auto new_level = level(after.actions[i]);
      if (old_level == new_level) {
        continue;
      }
      if (old_level && PowerLevel{*old_level} > own) {
        return refuse(AuthRule::kPowerLevelsActionCurrent);
      }
      if (new_level && PowerLevel{*new_level} > own) {
        return refuse(AuthRule::kPowerLevelsActionNew);
      }
    }
    if (AuthVerdict verdict = power_levels_map(before.events, after.events, own); !verdict) {
      return verdict;
    }
    if (version_.limit_notifications) {
      if (AuthVerdict verdict = power_levels_map(before.notifications, after.notifications, own); !verdict) {
        return verdict;
      }
    }
    AuthVerdict verdict;
    for_each_change(before.users, after.users,
                    [&](std::string_view user, const json::Value& old_value, const json::Value& new_value) {
                      const auto old_level = level(old_value);
                      const auto new_level = level(new_value);
                      if (old_level == new_level) {
                        return true;
                      }
                      if (old_level && user != event_.sender() && PowerLevel{*old_level} >= own) {
                        verdict = refuse(AuthRule::kPowerLevelsUserCurrent);
                      } else if (new_level && PowerLevel{*new_level} > own) {
                        verdict = refuse(AuthRule::kPowerLevelsUserNew);
                      }
                      return verdict.has_value();
                    });
    return verdict;
  }

  const Event& event_;
  const RoomVersion& version_;
  const StateLookup& state_;
  const Event* create_ = nullptr;
  std::optional<PowerLevels> levels_;
  std::string_view target_;
};

/// Calls for each entry that the selection names; false from `visit` ends it.
template <class Visit>
void select(const AuthSubject& subject, const RoomVersion& version, Visit visit) {
  if (subject.type == kCreate) {
    return;
  }
  if (!version.room_id_is_create_hash && !visit(kCreate, std::string_view{})) {
    return;
  }
  if (!visit(kPowerLevelsType, std::string_view{}) || !visit(kMember, subject.sender)) {
    return;
  }
  if (subject.type != kMember) {
    return;
  }
  if (subject.state_key && *subject.state_key != subject.sender && !visit(kMember, *subject.state_key)) {
    return;
  }
  const json::Value membership = subject.content["membership"];
  const bool join = membership.equals("join");
  const bool invite = membership.equals("invite");
  if ((join || invite || membership.equals("knock")) && !visit(kJoinRules, std::string_view{})) {
    return;
  }
  if (invite) {
    if (const auto token = subject.content.at("third_party_invite", "signed", "token").to_string();
        token && !visit(kThirdPartyInvite, std::string_view{*token})) {
      return;
    }
  }
  if (join && version.restricted_join) {
    if (const auto user = subject.content[kAuthorisingUser].to_string();
        user && *user != subject.sender && (!subject.state_key || *user != *subject.state_key)) {
      visit(kMember, std::string_view{*user});
    }
  }
}

}  // namespace

AuthVerdict authorise(const Event& event, const StateLookup& state) {
  return Check{event, state}.run();
}

AuthSubject::AuthSubject(const Event& event) noexcept
    : type{event.type()}, state_key{event.state_key()}, sender{event.sender()}, content{event.content()} {}

AuthSubject::AuthSubject(const EventDraft& draft) noexcept
    : type{draft.type}, state_key{draft.state_key}, sender{draft.sender}, content{draft.content} {}

std::vector<StateKey> auth_events_for(const AuthSubject& subject, const RoomVersion& version) {
  std::vector<StateKey> keys;
  keys.reserve(6);
  select(subject, version, [&](std::string_view type, std::string_view state_key) {
    keys.push_back({std::string{type}, std::string{state_key}});
    return true;
  });
  return keys;
}

bool is_auth_event_for(const AuthSubject& subject, const RoomVersion& version, std::string_view type,
                       std::string_view state_key) {
  bool found = false;
  select(subject, version, [&](std::string_view selected_type, std::string_view selected_key) {
    found = selected_type == type && selected_key == state_key;
    return !found;
  });
  return found;
}

AuthVerdict authorise_auth_events(const Event& event, std::span<const AuthEvent> auth_events,
                                  const AuthEvent* create) {
  const RoomVersion& version = event.version();
  if (event.type() == kCreate) {
    return {};
  }
  if (version.room_id_is_create_hash) {
    if (create == nullptr || create->event == nullptr || create->rejected ||
        create->event->type() != kCreate ||
        create->event->event_id().substr(1) != event.room_id().substr(1)) {
      return refuse(AuthRule::kRoomIdNotACreateEvent);
    }
  }
  for (std::size_t i = 0; i < auth_events.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (auth_events[i].event->type() == auth_events[j].event->type() &&
          auth_events[i].event->state_key() == auth_events[j].event->state_key()) {
        return refuse(AuthRule::kAuthEventsDuplicate);
      }
    }
  }
  const AuthSubject subject{event};
  for (const AuthEvent& entry : auth_events) {
    const auto state_key = entry.event->state_key();
    if (!state_key || !is_auth_event_for(subject, version, entry.event->type(), *state_key)) {
      return refuse(AuthRule::kAuthEventsUnexpected);
    }
  }
  if (std::any_of(auth_events.begin(), auth_events.end(),
                  [](const AuthEvent& entry) { return entry.rejected; })) {
    return refuse(AuthRule::kAuthEventsRejected);
  }
  if (!version.room_id_is_create_hash &&
      std::none_of(auth_events.begin(), auth_events.end(),
                   [](const AuthEvent& entry) { return entry.event->is_state(kCreate, ""); })) {
    return refuse(AuthRule::kAuthEventsNoCreate);
  }
  for (const AuthEvent& entry : auth_events) {
    if (entry.event->room_id() != event.room_id()) {
      return refuse(AuthRule::kAuthEventsOtherRoom);
    }
  }
  return {};
}

bool may_redact(const Event& redaction, const Event& target, const StateLookup& state) {
  if (redaction.sender_server() == target.sender_server()) {
    return true;
  }
  const PowerLevels levels{redaction.version(), state(kCreate, ""), state(kPowerLevelsType, "")};
  return levels.user(redaction.sender()) >= levels.to(PowerAction::kRedact);
}

std::string_view describe(AuthRule rule) noexcept {
  switch (rule) {
    case AuthRule::kCreateHasPrevEvents:
      return "the create event follows other events";
    case AuthRule::kCreateHasRoomId:
      return "the create event has a room_id, though its hash is the room's id";
    case AuthRule::kCreateRoomIdDomain:
      return "the room's id is of another server than the creator";
    case AuthRule::kCreateUnknownVersion:
      return "the create event names an unknown room version";
    case AuthRule::kCreateNoCreator:
      return "the create event names no creator";
    case AuthRule::kCreateAdditionalCreators:
      return "additional_creators is not a list of user ids";
    case AuthRule::kRoomIdNotACreateEvent:
      return "the room's id is not that of an accepted create event";
    case AuthRule::kAuthEventsDuplicate:
      return "auth_events has two entries for one place in the state";
    case AuthRule::kAuthEventsUnexpected:
      return "auth_events has an entry that does not belong there";
    case AuthRule::kAuthEventsRejected:
      return "auth_events has an event that was rejected";
    case AuthRule::kAuthEventsNoCreate:
      return "auth_events has no create event";
    case AuthRule::kAuthEventsOtherRoom:
      return "auth_events has an event of another room";
    case AuthRule::kNotFederated:
      return "the room is closed to other servers";
    case AuthRule::kAliasesNoStateKey:
      return "the aliases event has no state key";
    case AuthRule::kAliasesDomain:
      return "the aliases are those of another server";
    case AuthRule::kMemberMalformed:
      return "the member event lacks a state key that is a user id, or a membership";
    case AuthRule::kMemberAuthorisingSignature:
      return "the server of the authorising user has not signed the event";
    case AuthRule::kJoinForAnother:
      return "nobody can join for another";
    case AuthRule::kJoinBanned:
      return "the user is banned";
    case AuthRule::kJoinRestricted:
      return "no member who may invite has authorised the join";
    case AuthRule::kJoinNotAllowed:
      return "the room's join rule does not let the user in";
    case AuthRule::kThirdPartyTargetBanned:
      return "the invited user is banned";
    case AuthRule::kThirdPartyNoSigned:
      return "the third-party invite has nothing signed";
    case AuthRule::kThirdPartyNoMxidOrToken:
      return "the third-party invite lacks user id or token";
    case AuthRule::kThirdPartyMxidMismatch:
      return "the third-party invite is for another user";
    case AuthRule::kThirdPartyUnknownToken:
      return "the room has no such third-party invite";
    case AuthRule::kThirdPartySenderMismatch:
      return "the third-party invite was made by another user";
    case AuthRule::kThirdPartyNoValidSignature:
      return "the third-party invite has no valid signature";
    case AuthRule::kInviterNotJoined:
      return "the inviting user is not in the room";
    case AuthRule::kInviteTargetJoinedOrBanned:
      return "the invited user is in the room already, or banned";
    case AuthRule::kInvitePower:
      return "the user may not invite";
    case AuthRule::kLeaveNotInRoom:
      return "the user is neither in the room nor invited";
    case AuthRule::kKickerNotJoined:
      return "the removing user is not in the room";
    case AuthRule::kUnbanPower:
      return "the user may not lift bans";
    case AuthRule::kKickPower:
      return "the user may not remove this user";
    case AuthRule::kBannerNotJoined:
      return "the banning user is not in the room";
    case AuthRule::kBanPower:
      return "the user may not ban this user";
    case AuthRule::kKnockNotAllowed:
      return "the room's join rule allows no knocking";
    case AuthRule::kKnockForAnother:
      return "nobody can knock for another";
    case AuthRule::kKnockMembership:
      return "the user is banned, invited or in the room, and cannot knock";
    case AuthRule::kUnknownMembership:
      return "the membership is unknown";
    case AuthRule::kSenderNotJoined:
      return "the sender is not in the room";
    case AuthRule::kThirdPartyInvitePower:
      return "the sender may not invite";
    case AuthRule::kEventPower:
      return "the sender's power level is too low for this type of event";
    case AuthRule::kStateKeyIsAnotherUser:
      return "the state belongs to another user";
    case AuthRule::kPowerLevelsNotIntegers:
      return "a power level is not an integer";
    case AuthRule::kPowerLevelsMapsMalformed:
      return "the power levels of events or notifications are not integers";
    case AuthRule::kPowerLevelsUsersMalformed:
      return "the power levels of users are not integers by user id";
    case AuthRule::kPowerLevelsNamesCreator:
      return "the power levels name a creator of the room";
    case AuthRule::kPowerLevelsActionCurrent:
      return "a level above the sender's own would be changed";
    case AuthRule::kPowerLevelsActionNew:
      return "a level would be set above the sender's own";
    case AuthRule::kPowerLevelsEventCurrent:
      return "an event's level above the sender's own would be changed";
    case AuthRule::kPowerLevelsEventNew:
      return "an event's level would be set above the sender's own";
    case AuthRule::kPowerLevelsUserCurrent:
      return "the level of a user who is not below the sender would be changed";
    case AuthRule::kPowerLevelsUserNew:
      return "a user's level would be set above the sender's own";
    case AuthRule::kRedactionPower:
      return "the sender may not redact the event";
  }
  return "the event is not authorised";
}

std::string describe(const AuthFailure& failure, const RoomVersion& version) {
  const std::string number = rule_number(failure.rule, version);
  return number.empty() ? std::string{describe(failure.rule)}
                        : fmt::format("{}: {}", number, describe(failure.rule));
}

}  // namespace lares::matrix
