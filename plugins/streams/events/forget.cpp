// SPDX-License-Identifier: Apache-2.0
#include "forget.hpp"

#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/http/router.hpp>
#include <lares/service/cache_stream.hpp>
#include <lares/storage/transaction.hpp>

#include <string>

namespace lares::events {

using http::Access;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;

namespace {

constexpr std::string_view kCache = "user_memberships";

constexpr storage::Statement kForget{
    "UPDATE room_memberships SET forgotten = TRUE WHERE room = $1 AND member = $2 AND membership IN (4, 5)"};
constexpr storage::Statement kMembership{
    "SELECT membership FROM room_memberships WHERE room = $1 AND member = $2"};

struct Forgetting {
  Runtime& runtime;
  service::CacheStream& caches;
  storage::Database& database;
  storage::Interner& interner;
};

Task<Response> post_forget(Forgetting parts, const Requester& requester, Request& request) {
  const auto room = matrix::RoomId::parse(request.param("roomId"));
  if (!room) {
    throw http::invalid_param("This is no room id.");
  }
  const std::optional<std::int64_t> number = co_await parts.interner.lookup_room(room->view());
  const std::int64_t user = requester.account().user_number;
  const std::string key = requester.user().str();
  request.shield_from_cancellation();
  enum class Outcome : std::uint8_t { kForgotten, kInside, kStranger };
  struct Written {
    Outcome outcome = Outcome::kStranger;
    std::int64_t position = 0;
  };
  if (!number) {
    throw http::forbidden("You were never in this room.");
  }
  const std::int64_t now = parts.runtime.now_ms();
  const Written written =
      co_await parts.database.write("forget_room", [&](storage::WriteTransaction& tx) -> Written {
        if (tx.exec(kForget, *number, user) == 1) {
          return {Outcome::kForgotten, parts.caches.invalidate(tx, kCache, key, now)};
        }
        return {tx.any(kMembership, *number, user) ? Outcome::kInside : Outcome::kStranger, 0};
      });
  if (written.outcome == Outcome::kStranger) {
    throw http::forbidden("You were never in this room.");
  }
  if (written.outcome == Outcome::kInside) {
    throw http::unknown("You have not left this room.");
  }
  parts.caches.committed(kCache, key, written.position);
  co_return Response::empty_object();
}

}  // namespace

void declare_forget(Declarations& declarations) {
  declarations.config({.path = "forget_rooms_on_leave",
                       .type = ConfigType::Bool,
                       .default_value = "false",
                       .meaning = "Whether a room is forgotten by who leaves it or is removed from it."});
}

void add_forget(Server& server, storage::Database& database, storage::Interner& interner,
                RoomCaches& caches) {
  service::CacheStream& stream = server.services().get<service::CacheStream>();
  stream.add(kCache, [&caches, &interner](std::string_view user_id) {
    caches.drop_rooms_of(interner.cached(storage::InternKind::User, {.first = user_id}));
  });
  const Forgetting parts{server.runtime(), stream, database, interner};
  server.router().add<Access::User>(Method::Post, http::client_paths("/rooms/{roomId}/forget"),
                                    {.name = "RoomForgetRestServlet",
                                     .spec = "Client-Server API, Leaving rooms",
                                     .shard = "roomId",
                                     .body_optional = true},
                                    [parts](const Requester& requester, Request& request) {
                                      return post_forget(parts, requester, request);
                                    });
}

}  // namespace lares::events
