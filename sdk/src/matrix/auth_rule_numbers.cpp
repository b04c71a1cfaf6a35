// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <lares/matrix/event_auth.hpp>

namespace lares::matrix {

namespace {

/// Where the groups of rules stand on a version's page: each capability that adds or removes a rule moves
/// those behind it.
struct Numbering {
  explicit Numbering(const RoomVersion& version) noexcept
      : auth_events{version.room_id_is_create_hash ? 3 : 2},
        federate{auth_events + 1},
        aliases{version.special_aliases ? auth_events + 2 : 0},
        member{auth_events + 2 + (version.special_aliases ? 1 : 0)},
        join{version.restricted_join ? 3 : 2},
        invite{join + 1},
        leave{join + 2},
        ban{join + 3},
        knock{join + 4},
        unknown{join + 4 + (version.knock ? 1 : 0)},
        join_otherwise{version.restricted_join ? 7 : 6},
        sender_joined{member + 1},
        third_party_invite{member + 2},
        event_power{member + 3},
        state_key{member + 4},
        power_levels{member + 5},
        redaction{member + 6},
        users_form{version.integer_power_levels ? 3 : 1},
        changes{users_form + 2 + (version.privileged_creators ? 1 : 0)} {}

  int auth_events;
  int federate;
  int aliases;
  int member;
  // Within `member`:
  int join;
  int invite;
  int leave;
  int ban;
  int knock;
  int unknown;
  int join_otherwise;
  int sender_joined;
  int third_party_invite;
  int event_power;
  int state_key;
  int power_levels;
  int redaction;
  // Within `power_levels`:
  int users_form;
  int changes;
};

}  // namespace

std::string rule_number(AuthRule rule, const RoomVersion& version) {
  const Numbering n{version};
  const auto when = [](bool exists, std::string number) { return exists ? number : std::string{}; };
  const auto member = [&](int group, int rule_in_group) {
    return fmt::format("{}.{}.{}", n.member, group, rule_in_group);
  };
  const auto third_party = [&](int rule_in_group) {
    return fmt::format("{}.{}.1.{}", n.member, n.invite, rule_in_group);
  };
  const auto levels = [&](int group, int rule_in_group) {
    return fmt::format("{}.{}.{}", n.power_levels, group, rule_in_group);
  };
  switch (rule) {
    case AuthRule::kCreateHasPrevEvents:
      return "1.1";
    case AuthRule::kCreateHasRoomId:
      return when(version.room_id_is_create_hash, "1.2");
    case AuthRule::kCreateRoomIdDomain:
      return when(!version.room_id_is_create_hash, "1.2");
    case AuthRule::kCreateUnknownVersion:
      return "1.3";
    case AuthRule::kCreateNoCreator:
      return when(!version.implicit_creator, "1.4");
    case AuthRule::kCreateAdditionalCreators:
      return when(version.privileged_creators, "1.4");
    case AuthRule::kRoomIdNotACreateEvent:
      return when(version.room_id_is_create_hash, "2");
    case AuthRule::kAuthEventsDuplicate:
      return fmt::format("{}.1", n.auth_events);
    case AuthRule::kAuthEventsUnexpected:
      return fmt::format("{}.2", n.auth_events);
    case AuthRule::kAuthEventsRejected:
      return fmt::format("{}.3", n.auth_events);
    case AuthRule::kAuthEventsNoCreate:
      return when(!version.room_id_is_create_hash, fmt::format("{}.4", n.auth_events));
    case AuthRule::kAuthEventsOtherRoom:
      return fmt::format("{}.{}", n.auth_events, version.room_id_is_create_hash ? 4 : 5);
    case AuthRule::kNotFederated:
      return fmt::format("{}", n.federate);
    case AuthRule::kAliasesNoStateKey:
      return when(version.special_aliases, fmt::format("{}.1", n.aliases));
    case AuthRule::kAliasesDomain:
      return when(version.special_aliases, fmt::format("{}.2", n.aliases));
    case AuthRule::kMemberMalformed:
      return fmt::format("{}.1", n.member);
    case AuthRule::kMemberAuthorisingSignature:
      return when(version.restricted_join, fmt::format("{}.2.1", n.member));
    case AuthRule::kJoinForAnother:
      return member(n.join, 2);
    case AuthRule::kJoinBanned:
      return member(n.join, 3);
    case AuthRule::kJoinRestricted:
      return when(version.restricted_join, fmt::format("{}.{}.5.2", n.member, n.join));
    case AuthRule::kJoinNotAllowed:
      return member(n.join, n.join_otherwise);
    case AuthRule::kThirdPartyTargetBanned:
      return third_party(1);
    case AuthRule::kThirdPartyNoSigned:
      return third_party(2);
    case AuthRule::kThirdPartyNoMxidOrToken:
      return third_party(3);
    case AuthRule::kThirdPartyMxidMismatch:
      return third_party(4);
    case AuthRule::kThirdPartyUnknownToken:
      return third_party(5);
    case AuthRule::kThirdPartySenderMismatch:
      return third_party(6);
    case AuthRule::kThirdPartyNoValidSignature:
      return third_party(8);
    case AuthRule::kInviterNotJoined:
      return member(n.invite, 2);
    case AuthRule::kInviteTargetJoinedOrBanned:
      return member(n.invite, 3);
    case AuthRule::kInvitePower:
      return member(n.invite, 5);
    case AuthRule::kLeaveNotInRoom:
      return member(n.leave, 1);
    case AuthRule::kKickerNotJoined:
      return member(n.leave, 2);
    case AuthRule::kUnbanPower:
      return member(n.leave, 3);
    case AuthRule::kKickPower:
      return member(n.leave, 5);
    case AuthRule::kBannerNotJoined:
      return member(n.ban, 1);
    case AuthRule::kBanPower:
      return member(n.ban, 3);
    case AuthRule::kKnockNotAllowed:
      return when(version.knock, member(n.knock, 1));
    case AuthRule::kKnockForAnother:
      return when(version.knock, member(n.knock, 2));
    case AuthRule::kKnockMembership:
      return when(version.knock, member(n.knock, 4));
    case AuthRule::kUnknownMembership:
      return fmt::format("{}.{}", n.member, n.unknown);
    case AuthRule::kSenderNotJoined:
      return fmt::format("{}", n.sender_joined);
    case AuthRule::kThirdPartyInvitePower:
      return fmt::format("{}.1", n.third_party_invite);
    case AuthRule::kEventPower:
      return fmt::format("{}", n.event_power);
    case AuthRule::kStateKeyIsAnotherUser:
      return fmt::format("{}", n.state_key);
    case AuthRule::kPowerLevelsNotIntegers:
      return when(version.integer_power_levels, fmt::format("{}.1", n.power_levels));
    case AuthRule::kPowerLevelsMapsMalformed:
      return when(version.integer_power_levels, fmt::format("{}.2", n.power_levels));
    case AuthRule::kPowerLevelsUsersMalformed:
      return fmt::format("{}.{}", n.power_levels, n.users_form);
    case AuthRule::kPowerLevelsNamesCreator:
      return when(version.privileged_creators, fmt::format("{}.4", n.power_levels));
    case AuthRule::kPowerLevelsActionCurrent:
      return levels(n.changes, 1);
    case AuthRule::kPowerLevelsActionNew:
      return levels(n.changes, 2);
    case AuthRule::kPowerLevelsEventCurrent:
      return levels(n.changes + 1, 1);
    case AuthRule::kPowerLevelsEventNew:
      return levels(n.changes + 2, 1);
    case AuthRule::kPowerLevelsUserCurrent:
      return levels(n.changes + 3, 1);
    case AuthRule::kPowerLevelsUserNew:
      return levels(n.changes + 4, 1);
    case AuthRule::kRedactionPower:
      return when(version.redaction_auth_rule, fmt::format("{}.3", n.redaction));
  }
  return {};
}

}  // namespace lares::matrix
