// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/http/router.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/event_writer.hpp>
#include <lares/service/profiles.hpp>
#include <lares/service/rooms.hpp>
#include <lares/service/server_keys.hpp>
#include <lares/service/spam_checker.hpp>

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lares::rooms {

/// What the endpoints of this plugin share.
struct Shared {
  Server& server;
  service::EventWriter& writer;
  service::Rooms& rooms;
  service::Profiles& profiles;
  const service::ServerKeys& keys;
  service::SpamChecker& spam;
};

void add_create_room(Shared& shared);  ///< /createRoom
void add_membership(Shared& shared);   ///< /join, /rooms/{roomId}/join, invite, leave, kick, ban, unban
void add_send(Shared& shared);         ///< /rooms/{roomId}/send, state, redact
void add_read(Shared& shared);         ///< /rooms/{roomId}/messages, members, event, state; /joined_rooms

/// **Errors**: MatrixError M_INVALID_PARAM.
[[nodiscard]] matrix::RoomId room_id(const http::Request& request);
[[nodiscard]] matrix::UserId parse_user(const std::string& text);
[[nodiscard]] std::optional<std::string> optional_string(const nlohmann::json& body, const char* key);
[[nodiscard]] std::string required_string(const nlohmann::json& body, const char* key);

/// A membership event of `member`, sent by `sender`; with the member's profile where the member acts or is
/// invited.
Task<service::NewEvent> member_event(Shared& shared, const matrix::UserId& sender, matrix::UserId member,
                                     std::string_view membership, std::optional<std::string> reason);

/// Turns a denial into the error that the module asked for. **Errors**: MatrixError.
void require(const service::SpamVerdict& verdict);

/// Writes one event. **Errors**: those of EventWriter.
Task<service::WriteResult> write_one(Shared& shared, matrix::RoomId room, service::NewEvent event,
                                     std::optional<service::TransactionKey> transaction);

}  // namespace lares::rooms
