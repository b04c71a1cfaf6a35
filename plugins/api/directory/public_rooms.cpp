// SPDX-License-Identifier: Apache-2.0
#include "public_rooms.hpp"

#include <lares/async/runtime.hpp>

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

namespace lares::directory {

using matrix::EventPtr;

namespace {

// Up to here the list is put together for every request.
constexpr std::size_t kShort = 100;
constexpr std::chrono::seconds kLongListHolds{30};

}  // namespace

PublicRooms::PublicRooms(Runtime& runtime, TaskGroup& group, Directory& directory,
                         storage::Interner& interner, service::Rooms& rooms, const std::string& server_name)
    : runtime_(runtime),
      directory_(directory),
      interner_(interner),
      rooms_(rooms),
      held_(group, {.name = "public_rooms", .server_name = server_name, .max_size = 1}) {}

Task<PublicRoomList> PublicRooms::list() {
  Held held = co_await held_.get(0, [this](int) { return load(); });
  if (held.until <= runtime_.steady_now()) {
    held_.invalidate(0);
    held = co_await held_.get(0, [this](int) { return load(); });
  }
  co_return held.rooms;
}

Task<PublicRooms::Held> PublicRooms::load() {
  const std::vector<std::int64_t> numbers = co_await directory_.all_listed();
  const std::vector<storage::InternText> texts = co_await interner_.texts(storage::InternKind::Room, numbers);
  auto rooms = std::make_shared<std::vector<PublicRoom>>();
  rooms->reserve(numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    auto id = matrix::RoomId::parse(texts[i].first);
    if (!id) {
      continue;
    }
    if (std::optional<PublicRoom> room = co_await look_at(std::move(*id), numbers[i])) {
      rooms->push_back(std::move(*room));
    }
  }
  std::ranges::sort(*rooms, [](const PublicRoom& a, const PublicRoom& b) {
    return std::tie(b.joined, a.room_id) < std::tie(a.joined, b.room_id);
  });
  const SteadyTime now = runtime_.steady_now();
  co_return Held{rooms, rooms->size() <= kShort ? now : now + kLongListHolds};
}

Task<std::optional<PublicRoom>> PublicRooms::look_at(matrix::RoomId room, std::int64_t number) {
  const auto joined = co_await rooms_.joined_users(number);
  const EventPtr create = co_await rooms_.current_state(room, "m.room.create", "");
  if (joined->empty() || !create) {
    co_return std::nullopt;
  }
  PublicRoom shown;
  shown.room_id = room.str();
  shown.joined = static_cast<std::int64_t>(joined->size());
  shown.room_type = create->content()["type"].to_string();
  struct Field {
    const char* type;
    const char* key;
    std::optional<std::string> PublicRoom::* member;
  };
  for (const Field& field :
       {Field{"m.room.name", "name", &PublicRoom::name}, Field{"m.room.topic", "topic", &PublicRoom::topic},
        Field{"m.room.canonical_alias", "alias", &PublicRoom::canonical_alias},
        Field{"m.room.avatar", "url", &PublicRoom::avatar_url}}) {
    if (const EventPtr event = co_await rooms_.current_state(room, field.type, "")) {
      shown.*field.member = event->content()[field.key].to_string();
    }
  }
  if (const EventPtr rules = co_await rooms_.current_state(room, "m.room.join_rules", "")) {
    shown.join_rule = rules->content()["join_rule"].to_string().value_or("invite");
  }
  if (const EventPtr history = co_await rooms_.current_state(room, "m.room.history_visibility", "")) {
    shown.world_readable = history->content()["history_visibility"].equals("world_readable");
  }
  if (const EventPtr guests = co_await rooms_.current_state(room, "m.room.guest_access", "")) {
    shown.guest_can_join = guests->content()["guest_access"].equals("can_join");
  }
  co_return shown;
}

}  // namespace lares::directory
