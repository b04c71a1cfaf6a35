// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/metrics.hpp>
#include <lares/http/json_fields.hpp>
#include <lares/http/router.hpp>
#include <lares/plugin/declarations.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/event_writer.hpp>
#include <lares/service/newcomers.hpp>
#include <lares/service/profiles.hpp>
#include <lares/service/room_directory.hpp>
#include <lares/service/rooms.hpp>
#include <lares/service/server_keys.hpp>
#include <lares/service/spam_checker.hpp>
#include <lares/storage/intern.hpp>

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lares::rooms {

using http::optional_string;
using http::required_string;

/// What the endpoints of this plugin share.
struct Shared {
  Server& server;
  service::EventWriter& writer;
  service::Rooms& rooms;
  service::Profiles& profiles;
  const service::ServerKeys& keys;
  service::SpamChecker& spam;
  storage::Interner& interner;
  metrics::Family<metrics::Histogram> page_times;  ///< of /messages, by room_size
};

void declare_creation(Declarations& declarations);
void declare_membership(Declarations& declarations);
void declare_auto_join(Declarations& declarations);
/// **Errors**: StartError where rooms could be made that nobody can come into.
void check_auto_join(const Config& config);
/// Who brings those who register into `auto_join_rooms`.
[[nodiscard]] std::unique_ptr<service::Newcomers> make_auto_join(Shared& shared);
void add_create_room(Shared& shared);  ///< /createRoom
void add_membership(
    Shared& shared);               ///< /join, /knock, /rooms/{roomId}/join, invite, leave, kick, ban, unban
void add_send(Shared& shared);     ///< /rooms/{roomId}/send, state, redact
void add_read(Shared& shared);     ///< /rooms/{roomId}/members, state; /joined_rooms
void add_history(Shared& shared);  ///< /rooms/{roomId}/messages, context, event, timestamp_to_event
void add_upgrade(Shared& shared);  ///< /rooms/{roomId}/upgrade
void add_summary(Shared& shared);  ///< /room_summary/{roomIdOrAlias}

/// **Errors**: MatrixError M_INVALID_PARAM.
[[nodiscard]] matrix::RoomId room_id(const http::Request& request);
[[nodiscard]] matrix::UserId parse_user(const std::string& text);

/// A membership event of `member`, sent by `sender`; with the member's profile where the member acts or is
/// invited.
Task<service::NewEvent> member_event(Shared& shared, const matrix::UserId& sender, matrix::UserId member,
                                     std::string_view membership, std::optional<std::string> reason);

/// The room that a client names by id or alias. **Errors**: MatrixError M_INVALID_PARAM, M_NOT_FOUND.
Task<matrix::RoomId> room_named(Shared& shared, std::string text);
/// The directory. **Errors**: MatrixError 404 where this server has none.
[[nodiscard]] service::RoomDirectory& directory(Shared& shared);

/// Whether a user is joined to one of the rooms that a restricted join rule names.
Task<bool> in_an_allowed_room(Shared& shared, std::int64_t user, matrix::EventPtr join_rules);
/// Who vouches for a join into a room with a restricted join rule; nothing where the rule is another.
/// **Errors**: MatrixError M_FORBIDDEN where the requester is in none of the rooms that the rule names,
/// M_UNABLE_TO_GRANT_JOIN.
Task<std::optional<std::string>> authorising_user(Shared& shared, const http::Requester& requester,
                                                  matrix::RoomId room);

/// A user who was in the room that this one replaces finds here what was set there: tags, push rules, the
/// place among direct chats. Only where both rooms name each other.
Task<void> follow_predecessor(Shared& shared, std::int64_t user, std::string user_id, matrix::RoomId room);
/// Writes the requester's own join, which counts for `rc_joins_per_room`, and lets what was set in a
/// predecessor come along. **Errors**: those of EventWriter; MatrixError M_LIMIT_EXCEEDED.
Task<service::WriteResult> write_join(Shared& shared, const http::Requester& requester, matrix::RoomId room,
                                      service::NewEvent event);
/// As follow_predecessor, for those who are in the new room before the old one names it.
Task<void> follow_tombstone(Shared& shared, matrix::RoomId old_room);

/// Limits on the invitations with which a room is made, all or none: as many as the bursts of
/// `rc_invites.per_issuer` and `rc_invites.per_room` allow. **Errors**: MatrixError M_UNKNOWN for more than
/// that, M_LIMIT_EXCEEDED for more than is left now.
void require_may_invite_so_many(Shared& shared, const http::Requester& requester, std::size_t count);
/// Takes them from what may be invited to the room from now on.
void count_invites(Shared& shared, const matrix::RoomId& room, std::size_t count);
/// Limits and modules on an invitation. **Errors**: MatrixError.
Task<void> require_may_invite(Shared& shared, const http::Requester& requester, matrix::UserId member,
                              matrix::RoomId room);
/// **Errors**: MatrixError where only administrators may invite, and the requester is none.
void require_invites_are_open(const Shared& shared, const http::Requester& requester);
/// The modules alone. **Errors**: MatrixError.
Task<void> ask_about_invite(Shared& shared, const http::Requester& requester, matrix::UserId member,
                            std::optional<matrix::RoomId> room);
/// In a member event: who vouches for a restricted join. Never the client's to say.
inline constexpr const char* kAuthorisingUser = "join_authorised_via_users_server";
/// A membership that a client writes as state passes what it would have to pass by the endpoint made for it:
/// who may vouch for a join, limits, modules. Takes out of the content what is
/// not the client's to say. True if the requester joins by it. **Errors**: MatrixError.
Task<bool> admit_member_state(Shared& shared, const http::Requester& requester, matrix::RoomId room,
                              service::NewEvent& event);

/// The `power_levels` content with which a room begins.
[[nodiscard]] nlohmann::json first_power_levels(const matrix::RoomVersion& version,
                                                const matrix::UserId& creator,
                                                const std::vector<matrix::UserId>& trusted);

/// The events of a room in the order in which they are sent.
class Plan {
 public:
  explicit Plan(const matrix::UserId& creator) : creator_(creator) {}

  void add(std::string type, std::string state_key, const nlohmann::json& content);
  void add(service::NewEvent event) { events_.push_back(std::move(event)); }
  [[nodiscard]] std::size_t size() const noexcept { return events_.size(); }
  [[nodiscard]] std::span<const service::NewEvent> events() const noexcept { return events_; }
  [[nodiscard]] std::vector<service::NewEvent> take() { return std::move(events_); }

 private:
  matrix::UserId creator_;
  std::vector<service::NewEvent> events_;
};

/// What a room of a preset with an alias begins with where nobody asks for more.
Task<Plan> usual_room(Shared& shared, const matrix::RoomVersion& version, matrix::UserId creator,
                      std::string preset, matrix::RoomAlias alias, bool federated);

/// A JSON array of events as the viewer sees them.
[[nodiscard]] std::string events_array(const service::RoomView& view,
                                       const std::vector<service::StoredEventPtr>& events);

/// The modules on an event that the requester is about to send into a room; not on what the server says of
/// itself. What is no event, or goes into a room that is not here, is left to the writer, which refuses it.
/// **Errors**: MatrixError.
Task<void> ask_about_event(Shared& shared, matrix::RoomId room, const service::NewEvent& event);
/// The same for what a new room begins with.
Task<void> ask_about_first_events(Shared& shared, const matrix::RoomVersion& version,
                                  std::span<const service::NewEvent> events);

/// Turns a denial into the error that the module asked for. **Errors**: MatrixError.
void require(const service::SpamVerdict& verdict);

/// Writes one event. **Errors**: those of EventWriter.
Task<service::WriteResult> write_one(Shared& shared, matrix::RoomId room, service::NewEvent event,
                                     std::optional<service::TransactionKey> transaction);

}  // namespace lares::rooms
