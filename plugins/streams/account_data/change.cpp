// SPDX-License-Identifier: Apache-2.0
#include "change.hpp"

#include <lares/http/matrix_error.hpp>
#include <lares/json/writer.hpp>
#include <lares/storage/transaction.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace lares::account_data {

using nlohmann::json;
using storage::Bytes;
using storage::Row;
using storage::Statement;

namespace {

constexpr Statement kFind{
    "SELECT content FROM account_data WHERE account = $1 AND room = $2 AND type = $3 AND NOT deleted"};
constexpr Statement kPresent{
    "SELECT 1 FROM account_data WHERE account = $1 AND room = $2 AND type = $3 LIMIT 1"};
constexpr Statement kCount{"SELECT COUNT(*) FROM account_data WHERE account = $1 AND room = $2"};
constexpr Statement kPut{
    "INSERT INTO account_data (account, room, type, content, deleted, position, writer) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account, room, type) DO UPDATE SET "
    "content = excluded.content, deleted = excluded.deleted, position = excluded.position, "
    "writer = excluded.writer"};

// The tags of a room as they are stored.
json tags_of(storage::ReadTransaction& tx, const Change& change) {
  const std::optional<std::string> stored = find(tx, change.user, change.room, kTags);
  json content = stored ? json::parse(*stored, nullptr, false) : json::object();
  if (!content.is_object()) {
    content = json::object();
  }
  if (!content.contains("tags") || !content["tags"].is_object()) {
    content["tags"] = json::object();
  }
  return content;
}

// The user's direct chats, with one more room beside a former.
std::string direct_chats(storage::ReadTransaction& tx, const Change& change) {
  const std::optional<std::string> stored = find(tx, change.user, 0, kDirect);
  json chats = stored ? json::parse(*stored, nullptr, false) : json::object();
  if (!chats.is_object()) {
    return "{}";
  }
  for (json& rooms : chats) {
    if (rooms.is_array() && std::ranges::find(rooms, json(change.tag)) != rooms.end() &&
        std::ranges::find(rooms, json(change.content)) == rooms.end()) {
      rooms.push_back(change.content);
    }
  }
  return chats.dump();
}

http::MatrixError too_many(std::string_view what) {
  return {400, "M_LIMIT_EXCEEDED", what};
}

}  // namespace

std::optional<std::string> find(storage::ReadTransaction& tx, std::int64_t user, std::int64_t room,
                                std::string_view type) {
  return tx.maybe(kFind, user, room, Bytes{type}, [](const Row& row) { return row.bytes_copy(0); });
}

void refuse_beyond_bounds(storage::ReadTransaction& tx, const Change& change) {
  if (change.action == Action::kDelete || change.action == Action::kDeleteTag) {
    return;
  }
  if (!tx.any(kPresent, change.user, change.room, Bytes{change.type})) {
    const std::int64_t count =
        tx.one(kCount, change.user, change.room, [](const Row& row) { return row.i64(0); });
    const std::size_t most = change.room == 0 ? kMostTypes : kMostTypesOfRoom;
    if (count >= static_cast<std::int64_t>(most)) {
      throw too_many(change.room == 0 ? "An account has at most 1000 types of account data."
                                      : "An account has at most 100 types of account data for a room.");
    }
  }
  if (change.action == Action::kPutTag) {
    const json content = tags_of(tx, change);
    const json& tags = content["tags"];
    if (!tags.contains(change.tag) && tags.size() >= kMostTags) {
      throw too_many("A room has at most 100 tags.");
    }
  }
}

void store(storage::WriteTransaction& tx, const Change& change, stream::WriterNumber writer,
           std::int64_t position) {
  refuse_beyond_bounds(tx, change);
  std::string content = change.content;
  if (change.action == Action::kDelete) {
    content = "{}";
  } else if (change.action == Action::kPutTag || change.action == Action::kDeleteTag) {
    json tags = tags_of(tx, change);
    if (change.action == Action::kPutTag) {
      tags["tags"][change.tag] = json::parse(change.content);
    } else {
      tags["tags"].erase(change.tag);
    }
    content = tags.dump();
    if (content.size() > kMostContent) {
      throw http::too_large("The tags of a room are at most 64 KiB together.");
    }
  }
  if (change.action == Action::kAddDirect) {
    content = direct_chats(tx, change);
  }
  tx.exec(kPut, change.user, change.room, Bytes{change.type}, Bytes{content},
          change.action == Action::kDelete, position, static_cast<std::int64_t>(writer));
}

std::string row_of(std::string_view user_id, std::string_view room_id, std::string_view type) {
  std::string out;
  lares::json::Writer writer{out};
  writer.begin_array().value(user_id);
  if (room_id.empty()) {
    writer.null();
  } else {
    writer.value(room_id);
  }
  writer.value(type).end_array();
  return out;
}

std::string encode(const Change& change) {
  return json{{"action", static_cast<int>(change.action)},
              {"user_id", change.user_id},
              {"room_id", change.room_id},
              {"type", change.type},
              {"tag", change.tag},
              {"content", change.content}}
      .dump();
}

Change decode(const std::string& text) {
  const json change = json::parse(text);
  return {.action = static_cast<Action>(change.at("action").get<int>()),
          .user_id = change.at("user_id").get<std::string>(),
          .room_id = change.at("room_id").get<std::string>(),
          .type = change.at("type").get<std::string>(),
          .tag = change.at("tag").get<std::string>(),
          .content = change.at("content").get<std::string>()};
}

Task<void> number(storage::Interner& interner, Change& change) {
  change.user = co_await interner.intern_user(change.user_id);
  change.room = change.room_id.empty() ? 0 : co_await interner.intern_room(change.room_id);
}

}  // namespace lares::account_data
