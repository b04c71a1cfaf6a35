// SPDX-License-Identifier: Apache-2.0
#include "directory.hpp"

#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/storage/transaction.hpp>

#include <nlohmann/json.hpp>

#include <utility>

#include "rules.hpp"

namespace lares::directory {

using storage::Bytes;
using storage::Migration;
using storage::MigrationKind;
using storage::Owner;
using storage::OwnerKind;
using storage::ReadTransaction;
using storage::Row;
using storage::Sql;
using storage::Statement;
using storage::Table;
using storage::WriteTransaction;

namespace {

constexpr Statement kFind{"SELECT room, creator FROM room_aliases WHERE alias = $1"};
constexpr Statement kAliases{"SELECT alias FROM room_aliases WHERE room = $1 ORDER BY alias LIMIT 1000"};
constexpr Statement kAdd{
    "INSERT INTO room_aliases (alias, room, creator, created_ts) VALUES ($1, $2, $3, $4) ON CONFLICT DO "
    "NOTHING"};
constexpr Statement kRemove{"DELETE FROM room_aliases WHERE alias = $1"};
constexpr Statement kMoveAliases{"UPDATE room_aliases SET room = $2 WHERE room = $1"};
constexpr Statement kIsListed{"SELECT 1 FROM listed_rooms WHERE room = $1"};
constexpr Statement kList{
    "INSERT INTO listed_rooms (room, listed_ts) VALUES ($1, $2) ON CONFLICT DO NOTHING"};
constexpr Statement kUnlist{"DELETE FROM listed_rooms WHERE room = $1"};
constexpr Statement kAllListed{"SELECT room FROM listed_rooms ORDER BY listed_ts, room LIMIT 10000"};

http::MatrixError taken() {
  return http::MatrixError(400, "M_ROOM_IN_USE", "This room alias is taken.");
}

}  // namespace

storage::Schema directory_schema() {
  const Owner room{.kind = OwnerKind::Room, .column = "room"};
  return {
      .plugin = "directory",
      .migrations = {{.number = 1,
                      .kind = MigrationKind::Expand,
                      .summary = "Adds room aliases and the list of public rooms.",
                      .statements = {Sql{"CREATE TABLE room_aliases (alias {bytes} PRIMARY KEY, room BIGINT "
                                         "NOT NULL, creator BIGINT NOT NULL, created_ts BIGINT NOT NULL)"},
                                     Sql{"CREATE INDEX room_aliases_room ON room_aliases (room)"},
                                     Sql{"CREATE TABLE listed_rooms (room {id}, listed_ts BIGINT NOT "
                                         "NULL)"}}}},
      .tables = {Table{.name = "room_aliases",
                       .key = {"alias"},
                       .owners = {room},
                       .bound = "what users give their rooms, within the limits on requests",
                       .ends = "deletion by a user; purge of the room"},
                 Table{.name = "listed_rooms",
                       .key = {"room"},
                       .owners = {room},
                       .bound = "one per room",
                       .ends = "withdrawal by a user; purge of the room"}}};
}

Task<std::optional<AliasRow>> Directory::find(matrix::RoomAlias alias) {
  co_return co_await database_.read("room_alias", [&alias](ReadTransaction& tx) {
    return tx.maybe(kFind, Bytes{alias.view()},
                    [](const Row& row) { return AliasRow{row.i64(0), row.i64(1)}; });
  });
}

Task<std::optional<matrix::RoomId>> Directory::resolve(matrix::RoomAlias alias) {
  const std::optional<AliasRow> found = co_await find(std::move(alias));
  if (!found) {
    co_return std::nullopt;
  }
  const std::vector<storage::InternText> texts =
      co_await interner_.texts(storage::InternKind::Room, {found->room});
  auto room = matrix::RoomId::parse(texts.front().first);
  if (!room) {
    throw storage::Corrupt{"A stored room id cannot be read."};
  }
  co_return std::move(*room);
}

Task<std::vector<std::string>> Directory::aliases(std::int64_t room) {
  co_return co_await database_.read("aliases_of_room", [room](ReadTransaction& tx) {
    std::vector<std::string> aliases;
    tx.each(kAliases, room, [&aliases](const Row& row) { aliases.push_back(row.bytes_copy(0)); });
    return aliases;
  });
}

void Directory::check_rules(const matrix::UserId& user, const matrix::RoomAlias& alias,
                            const std::optional<matrix::RoomId>& room) const {
  if (alias.server() != server_.name()) {
    throw http::invalid_param("A room alias of another server cannot be made here.");
  }
  const ConfigPtr config = server_.config();
  if (!allowed(config->get("alias_creation_rules"), user.view(), room ? room->view() : std::string_view{},
               {alias.str()})) {
    throw http::forbidden("This server's rules do not allow you to make this alias.");
  }
}

Task<void> Directory::check(matrix::UserId user, matrix::RoomAlias alias,
                            std::optional<matrix::RoomId> room) {
  check_rules(user, alias, room);
  if (co_await find(std::move(alias))) {
    throw taken();
  }
}

Task<void> Directory::add(matrix::UserId user, matrix::RoomAlias alias, matrix::RoomId room) {
  check_rules(user, alias, room);
  const std::optional<std::int64_t> number = co_await rooms_.number(room);
  if (!number) {
    throw http::not_found("This room is not known here.");
  }
  const std::int64_t creator = co_await interner_.intern_user(user.view());
  const std::int64_t now = server_.runtime().now_ms();
  const bool added = co_await database_.write("add_room_alias", [&](WriteTransaction& tx) {
    return tx.exec(kAdd, Bytes{alias.view()}, *number, creator, now) == 1;
  });
  if (!added) {
    throw taken();
  }
}

Task<void> Directory::move(std::int64_t from, std::int64_t to) {
  const std::int64_t now = server_.runtime().now_ms();
  co_await database_.write("move_room_aliases", [from, to, now](WriteTransaction& tx) {
    tx.exec(kMoveAliases, from, to);
    if (tx.exec(kUnlist, from) == 1) {
      tx.exec(kList, to, now);
    }
  });
}

void Directory::check_publishing(const matrix::UserId& user, const matrix::RoomId* room,
                                 const std::vector<std::string>& aliases) {
  if (!allowed(server_.config()->get("room_list_publication_rules"), user.view(),
               room == nullptr ? std::string_view{} : room->view(), aliases)) {
    throw http::forbidden("This server's rules do not allow you to show this room to everyone.");
  }
}

Task<void> Directory::publish(std::int64_t room, bool listed) {
  const std::int64_t now = server_.runtime().now_ms();
  co_await database_.write("publish_room", [room, listed, now](WriteTransaction& tx) {
    if (listed) {
      tx.exec(kList, room, now);
    } else {
      tx.exec(kUnlist, room);
    }
  });
}

Task<bool> Directory::remove(matrix::RoomAlias alias) {
  co_return co_await database_.write("remove_room_alias", [&alias](WriteTransaction& tx) {
    return tx.exec(kRemove, Bytes{alias.view()}) == 1;
  });
}

Task<bool> Directory::listed(std::int64_t room) {
  co_return co_await database_.read("room_is_listed",
                                    [room](ReadTransaction& tx) { return tx.any(kIsListed, room); });
}

Task<std::vector<std::int64_t>> Directory::all_listed() {
  co_return co_await database_.read("listed_rooms", [](ReadTransaction& tx) {
    std::vector<std::int64_t> rooms;
    tx.each(kAllListed, [&rooms](const Row& row) { rooms.push_back(row.i64(0)); });
    return rooms;
  });
}

}  // namespace lares::directory
