// SPDX-License-Identifier: Apache-2.0
#include "sharing.hpp"

#include <algorithm>
#include <utility>

namespace lares::device_lists {

using storage::Row;
using stream::StreamNumber;
using stream::StreamPosition;
using stream::Token;

namespace {

constexpr storage::Statement kChanges{
    "SELECT account, writer, position FROM device_list_changes WHERE position > $1 AND position <= $2 "
    "ORDER BY position LIMIT $3"};
constexpr storage::LookupMany kChangesOf{.select = "c.account, c.writer, c.position",
                                         .from = "device_list_changes c",
                                         .keys = {{{"c.account", storage::ColumnType::Integer}}},
                                         .where = "c.position > $1 AND c.position <= $2"};
constexpr storage::Statement kSigned{
    "SELECT account, writer, position FROM user_signature_changes WHERE signer = $1 AND position > $2 AND "
    "position <= $3"};
constexpr storage::Statement kOwn{
    "SELECT room, joined, writer, position FROM room_sharing WHERE member = $1 AND position > $2 AND "
    "position <= $3"};
constexpr storage::LookupMany kOthers{.select = "s.member, s.joined, s.writer, s.position",
                                      .from = "room_sharing s",
                                      .keys = {{{"s.room", storage::ColumnType::Integer}}},
                                      .where = "s.position > $1 AND s.position <= $2"};

// Beyond this, those who share a room are looked up instead of everyone who changed.
constexpr std::size_t kFewChanges = 200;

/// Positions of one stream between two tokens.
struct Span {
  Span(const Token& from_token, const Token& to_token, StreamNumber stream)
      : from(from_token.at(stream)), to(to_token.at(stream)) {}

  [[nodiscard]] bool empty() const { return from == to; }
  [[nodiscard]] std::int64_t lowest() const { return from.minimum(); }
  [[nodiscard]] std::int64_t highest() const { return to.maximum(); }
  /// Of the two columns of a row that say writer and position.
  [[nodiscard]] bool contains(const Row& row, int writer_column) const {
    const auto writer = static_cast<stream::WriterNumber>(row.i64(writer_column));
    const std::int64_t position = row.i64(writer_column + 1);
    return !from.covers(writer, position) && to.covers(writer, position);
  }

  StreamPosition from;
  StreamPosition to;
};

bool intersect(const std::vector<std::int64_t>& a, const std::vector<std::int64_t>& b) {
  for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end();) {
    if (*x == *y) {
      return true;
    }
    *x < *y ? ++x : ++y;
  }
  return false;
}

}  // namespace

Sharing::Sharing(Server& server)
    : database_(server.services().get<storage::Database>()),
      interner_(server.services().get<storage::Interner>()),
      rooms_(server.services().get<service::Rooms>()) {}

Task<Differences> Sharing::between(std::int64_t user, Token from, Token to, Memberships memberships) {
  const bool changes = !Span{from, to, StreamNumber::kDeviceLists}.empty();
  const bool moves = memberships == Memberships::kLookUp && !Span{from, to, StreamNumber::kEvents}.empty();
  if (!changes && !moves) {
    co_return Differences{};
  }
  std::vector<std::int64_t> rooms = co_await rooms_.joined_rooms(user);
  std::ranges::sort(rooms);
  Users changed;
  Users left;
  if (changes) {
    co_await add_changes(user, from, to, rooms, changed);
  }
  if (moves) {
    co_await add_memberships(user, from, to, rooms, changed, left);
  }
  Differences differences;
  differences.changed = co_await ids(changed);
  differences.left = co_await ids(left);
  co_return differences;
}

Task<void> Sharing::add_changes(std::int64_t user, const Token& from, const Token& to,
                                const std::vector<std::int64_t>& rooms, Users& changed) {
  const Span span{from, to, StreamNumber::kDeviceLists};
  struct Found {
    Users users;
    Users signed_users;
    bool too_many = false;
  };
  Found found = co_await database_.read("device_list_changes", [user, &span](storage::ReadTransaction& tx) {
    Found result;
    std::size_t count = 0;
    tx.each(kChanges, span.lowest(), span.highest(), static_cast<std::int64_t>(kFewChanges) + 1,
            [&](const Row& row) {
              ++count;
              if (span.contains(row, 1)) {
                result.users.insert(row.i64(0));
              }
            });
    result.too_many = count > kFewChanges;
    tx.each(kSigned, user, span.lowest(), span.highest(), [&](const Row& row) {
      if (span.contains(row, 1)) {
        result.signed_users.insert(row.i64(0));
      }
    });
    return result;
  });
  changed.merge(found.signed_users);
  if (!found.too_many) {
    for (const std::int64_t other : found.users) {
      if (other == user || co_await shares(other, rooms)) {
        changed.insert(other);
      }
    }
    co_return;
  }
  Users sharing{user};
  for (const std::int64_t room : rooms) {
    const auto members = co_await rooms_.joined_users(room);
    sharing.insert(members->begin(), members->end());
  }
  Users others =
      co_await database_.read("device_list_changes_of", [&span, &sharing](storage::ReadTransaction& tx) {
        Users result;
        tx.lookup_many(
            kChangesOf, sharing, [](std::int64_t other) { return std::tuple{other}; },
            [&](std::size_t, const Row& row) {
              if (span.contains(row, 1)) {
                result.insert(row.i64(0));
              }
            },
            span.lowest(), span.highest());
        return result;
      });
  changed.merge(others);
}

Task<void> Sharing::add_memberships(std::int64_t user, const Token& from, const Token& to,
                                    const std::vector<std::int64_t>& rooms, Users& changed, Users& left) {
  const Span span{from, to, StreamNumber::kEvents};
  struct Found {
    std::vector<std::int64_t> joined_rooms;
    std::vector<std::int64_t> left_rooms;
    Users came;
    Users went;
  };
  const Found found =
      co_await database_.read("room_sharing", [user, &span, &rooms](storage::ReadTransaction& tx) {
        Found result;
        tx.each(kOwn, user, span.lowest(), span.highest(), [&](const Row& row) {
          if (span.contains(row, 2)) {
            (row.boolean(1) ? result.joined_rooms : result.left_rooms).push_back(row.i64(0));
          }
        });
        tx.lookup_many(
            kOthers, rooms, [](std::int64_t room) { return std::tuple{room}; },
            [&](std::size_t, const Row& row) {
              if (row.i64(0) != user && span.contains(row, 2)) {
                (row.boolean(1) ? result.came : result.went).insert(row.i64(0));
              }
            },
            span.lowest(), span.highest());
        return result;
      });
  changed.insert(found.came.begin(), found.came.end());
  for (const std::int64_t room : found.joined_rooms) {
    const auto members = co_await rooms_.joined_users(room);
    changed.insert(members->begin(), members->end());
  }
  Users gone = found.went;
  for (const std::int64_t room : found.left_rooms) {
    const auto members = co_await rooms_.joined_users(room);
    gone.insert(members->begin(), members->end());
  }
  for (const std::int64_t other : gone) {
    if (other == user) {
      continue;
    }
    const bool still = co_await shares(other, rooms);
    if (!still) {
      changed.erase(other);
      left.insert(other);
    }
  }
}

Task<bool> Sharing::shares(std::int64_t other, const std::vector<std::int64_t>& rooms) {
  std::vector<std::int64_t> theirs = co_await rooms_.joined_rooms(other);
  std::ranges::sort(theirs);
  co_return intersect(rooms, theirs);
}

Task<std::vector<std::string>> Sharing::ids(const Users& users) {
  std::vector<std::string> ids;
  if (users.empty()) {
    co_return ids;
  }
  std::vector<std::int64_t> numbers{users.begin(), users.end()};
  std::vector<storage::InternText> texts =
      co_await interner_.texts(storage::InternKind::User, std::move(numbers));
  for (storage::InternText& text : texts) {
    ids.push_back(std::move(text.first));
  }
  co_return ids;
}

}  // namespace lares::device_lists
