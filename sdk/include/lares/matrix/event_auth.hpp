// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/matrix/event.hpp>
#include <lares/matrix/room_version.hpp>

#include <concepts>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace lares::matrix {

/// Where authorise() finds the state that an event is held against: a reference to any callable
/// (type, state_key) -> const Event*, null when the state has no such entry.
///
/// **Lifetime** the callable must outlive the call it is given to; events must outlive the verdict.
class StateLookup {
 public:
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, StateLookup>) &&
                std::is_invocable_r_v<const Event*, const F&, std::string_view, std::string_view>
  // NOLINTNEXTLINE(google-explicit-constructor): a lambda written in the call is the common use.
  StateLookup(const F& find) noexcept
      : object_{&find}, call_{[](const void* object, std::string_view type, std::string_view state_key) {
          return static_cast<const Event*>((*static_cast<const F*>(object))(type, state_key));
        }} {}

  [[nodiscard]] const Event* operator()(std::string_view type, std::string_view state_key) const {
    return call_(object_, type, state_key);
  }

 private:
  const void* object_;
  const Event* (*call_)(const void*, std::string_view, std::string_view);
};

/// Every reason for which an event can be refused. The number that a reason has in the specification differs
/// from version to version; rule_number gives it.
enum class AuthRule : std::uint8_t {
  kCreateHasPrevEvents,
  kCreateHasRoomId,     ///< 12
  kCreateRoomIdDomain,  ///< until 11
  kCreateUnknownVersion,
  kCreateNoCreator,           ///< until 10
  kCreateAdditionalCreators,  ///< 12
  kRoomIdNotACreateEvent,     ///< 12
  kAuthEventsDuplicate,
  kAuthEventsUnexpected,
  kAuthEventsRejected,
  kAuthEventsNoCreate,  ///< until 11
  kAuthEventsOtherRoom,
  kNotFederated,
  kAliasesNoStateKey,  ///< until 5
  kAliasesDomain,      ///< until 5
  kMemberMalformed,
  kMemberAuthorisingSignature,  ///< 8
  kJoinForAnother,
  kJoinBanned,
  kJoinRestricted,  ///< 8
  kJoinNotAllowed,
  kThirdPartyTargetBanned,
  kThirdPartyNoSigned,
  kThirdPartyNoMxidOrToken,
  kThirdPartyMxidMismatch,
  kThirdPartyUnknownToken,
  kThirdPartySenderMismatch,
  kThirdPartyNoValidSignature,
  kInviterNotJoined,
  kInviteTargetJoinedOrBanned,
  kInvitePower,
  kLeaveNotInRoom,
  kKickerNotJoined,
  kUnbanPower,
  kKickPower,
  kBannerNotJoined,
  kBanPower,
  kKnockNotAllowed,  ///< 7
  kKnockForAnother,  ///< 7
  kKnockMembership,  ///< 7
  kUnknownMembership,
  kSenderNotJoined,
  kThirdPartyInvitePower,
  kEventPower,
  kStateKeyIsAnotherUser,
  kPowerLevelsNotIntegers,    ///< 10
  kPowerLevelsMapsMalformed,  ///< 10
  kPowerLevelsUsersMalformed,
  kPowerLevelsNamesCreator,  ///< 12
  kPowerLevelsActionCurrent,
  kPowerLevelsActionNew,
  kPowerLevelsEventCurrent,
  kPowerLevelsEventNew,
  kPowerLevelsUserCurrent,
  kPowerLevelsUserNew,
  kRedactionPower,  ///< until 2
};

/// The last of the enumerators, for tables and tests that cover all.
inline constexpr AuthRule kLastAuthRule = AuthRule::kRedactionPower;

/// The number of a rule in a version's page of the specification ("4.3.5.2"); empty when the version has no
/// such rule.
[[nodiscard]] LARES_EXPORT std::string rule_number(AuthRule rule, const RoomVersion& version);

/// What the rule says when it refuses, as an English sentence without a full stop; fit to be shown to a
/// client.
[[nodiscard]] LARES_EXPORT std::string_view describe(AuthRule rule) noexcept;

/// A refusal: by which rule.
struct AuthFailure {
  AuthRule rule{};

  bool operator==(const AuthFailure&) const = default;
};

/// "4.3.5.2: the room is restricted and ..." for logs.
[[nodiscard]] LARES_EXPORT std::string describe(const AuthFailure& failure, const RoomVersion& version);

/// Allowed, or refused by a rule.
using AuthVerdict = std::expected<void, AuthFailure>;

/// Holds an event to the authorisation rules of its room version against a state: the one function behind the
/// check against its auth events, against the state before it, and against the current state (soft failure).
/// They differ in `state` alone, and in authorise_auth_events, which belongs to the first.
///
/// The signature that a restricted join needs of the authorising user's server is part of
/// verify_event_signatures; the signatures of a third-party invite are checked here, since their keys stand
/// in the state.
///
/// spec: Room Versions, "Authorization rules"; Server-Server API, "Checks performed on receipt of a PDU"
[[nodiscard]] LARES_EXPORT AuthVerdict authorise(const Event& event, const StateLookup& state);

/// An entry of an event's auth_events, as the store knows it.
struct AuthEvent {
  const Event* event = nullptr;
  bool rejected = false;
};

/// Rule 2 (and in version 12 the rule about the room id): whether an event's own auth_events are the ones it
/// may have. The caller gives all of them, in any order; `create` is the room's create event where it is no
/// auth event (version 12), null when it is unknown there.
[[nodiscard]] LARES_EXPORT AuthVerdict authorise_auth_events(const Event& event,
                                                             std::span<const AuthEvent> auth_events,
                                                             const AuthEvent* create = nullptr);

/// A place in the state.
struct StateKey {
  std::string type;
  std::string state_key;

  auto operator<=>(const StateKey&) const = default;
  bool operator==(const StateKey&) const = default;
};

/// What selection of auth events looks at; made from an event, a draft, or by hand.
struct AuthSubject {
  std::string_view type;
  std::optional<std::string_view> state_key;
  std::string_view sender;
  json::Value content;

  AuthSubject() = default;
  LARES_EXPORT explicit AuthSubject(const Event& event) noexcept;
  /// The draft's content must be canonical or scanned JSON, and the draft must outlive the subject.
  LARES_EXPORT explicit AuthSubject(const EventDraft& draft) noexcept;
};

/// The entries of the state that authorise an event: those that exist of them become its auth_events. In
/// versions whose room ids are hashes the create event is not among them.
///
/// spec: Server-Server API, "Auth events selection"
[[nodiscard]] LARES_EXPORT std::vector<StateKey> auth_events_for(const AuthSubject& subject,
                                                                 const RoomVersion& version);

/// Whether a state entry (type, state_key) is one of those, without building the list.
[[nodiscard]] LARES_EXPORT bool is_auth_event_for(const AuthSubject& subject, const RoomVersion& version,
                                                  std::string_view type, std::string_view state_key);

/// Whether a redaction takes effect from version 3 on, where this is decided on receipt and not by
/// authorisation: the sender has the redact level, or both events are of the same server.
///
/// spec: Room Version 3, "Handling redactions"
[[nodiscard]] LARES_EXPORT bool may_redact(const Event& redaction, const Event& target,
                                           const StateLookup& state);

}  // namespace lares::matrix
