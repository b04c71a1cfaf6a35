// SPDX-License-Identifier: Apache-2.0
#include "room_settings.hpp"

#include <lares/storage/transaction.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace lares::account_data {

namespace {

using nlohmann::json;

struct Stored {
  std::optional<std::string> tags;      // of the room that is replaced
  std::optional<std::string> new_tags;  // of the one that replaces it
  std::optional<std::string> direct;
};

json tags_in(const std::optional<std::string>& content) {
  const json parsed = content ? json::parse(*content, nullptr, false) : json::object();
  const auto tags = parsed.find("tags");
  return tags != parsed.end() && tags->is_object() ? *tags : json::object();
}

bool lacks_room(const std::optional<std::string>& direct, const service::RoomSuccession& rooms) {
  const json chats = direct ? json::parse(*direct, nullptr, false) : json::object();
  return chats.is_object() && std::ranges::any_of(chats, [&rooms](const json& of_one) {
           return of_one.is_array() && std::ranges::find(of_one, json(rooms.from_id)) != of_one.end() &&
                  std::ranges::find(of_one, json(rooms.to_id)) == of_one.end();
         });
}

}  // namespace

Task<void> RoomSettings::carry_over(std::int64_t user, std::string user_id, service::RoomSuccession rooms) {
  const Stored stored =
      co_await shared_.database.read("room_settings", [user, &rooms](storage::ReadTransaction& tx) {
        return Stored{.tags = find(tx, user, rooms.from, kTags),
                      .new_tags = find(tx, user, rooms.to, kTags),
                      .direct = find(tx, user, 0, kDirect)};
      });
  const json there = tags_in(stored.new_tags);
  const json tags = tags_in(stored.tags);
  for (const auto& [tag, content] : tags.items()) {
    if (there.contains(tag)) {
      continue;
    }
    Change change{.action = Action::kPutTag,
                  .user = user,
                  .user_id = user_id,
                  .room = rooms.to,
                  .room_id = rooms.to_id,
                  .type = std::string{kTags},
                  .tag = tag,
                  .content = content.dump()};
    co_await write(shared_, std::move(change));
  }
  if (lacks_room(stored.direct, rooms)) {
    Change change{.action = Action::kAddDirect,
                  .user = user,
                  .user_id = user_id,
                  .room = 0,
                  .room_id = {},
                  .type = std::string{kDirect},
                  .tag = rooms.from_id,
                  .content = rooms.to_id};
    co_await write(shared_, std::move(change));
  }
}

}  // namespace lares::account_data
