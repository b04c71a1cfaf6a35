// SPDX-License-Identifier: Apache-2.0
#include "sync_section.hpp"

#include <lares/async/runtime.hpp>
#include <lares/json/value.hpp>
#include <lares/json/writer.hpp>
#include <lares/matrix/filter.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>

namespace lares::presence {

using service::SyncResponse;
using service::SyncScope;
using stream::StreamNumber;
using stream::StreamPosition;

namespace {

// Whose rooms are compared one by one; of more people the members of the user's rooms are gathered instead.
constexpr std::size_t kFewPeople = 64;
// Who is offline is news to a client that was away for long, but not of a whole world.
constexpr std::size_t kMostOffline = 1'000;

}  // namespace

Task<std::vector<PresencePtr>> SyncSection::sharing(const SyncScope& scope, const SyncResponse& response,
                                                    std::vector<PresencePtr> people) {
  if (people.size() <= kFewPeople) {
    std::vector<std::int64_t> mine;
    for (const auto& [room, room_id] : response.joined_rooms) {
      mine.push_back(room);
    }
    std::ranges::sort(mine);
    std::vector<PresencePtr> result;
    for (PresencePtr& presence : people) {
      bool shares = presence->user == scope.user;
      if (!shares) {
        const std::vector<std::int64_t> theirs = co_await rooms_.joined_rooms(presence->user);
        shares = std::ranges::any_of(
            theirs, [&mine](std::int64_t room) { return std::ranges::binary_search(mine, room); });
      }
      if (shares) {
        result.push_back(std::move(presence));
      }
    }
    co_return result;
  }
  std::unordered_set<std::int64_t> members{scope.user};
  for (const auto& [room, room_id] : response.joined_rooms) {
    const auto list = co_await rooms_.joined_users(room);
    members.insert(list->begin(), list->end());
  }
  std::erase_if(people,
                [&members](const PresencePtr& presence) { return !members.contains(presence->user); });
  co_return people;
}

Task<std::vector<std::int64_t>> SyncSection::newcomers(const SyncScope& scope, const SyncResponse& response) {
  std::vector<std::int64_t> users;
  for (const service::JoinedRoomSync& room : response.joined) {
    if (room.newly_joined) {
      const auto members = co_await rooms_.joined_users(room.room);
      users.insert(users.end(), members->begin(), members->end());
      continue;
    }
    for (const std::string& text : room.timeline) {
      const json::Value event{text};
      if (!event["type"].equals("m.room.member") || !event.at("content", "membership").equals("join")) {
        continue;
      }
      const std::optional<std::string> member = event["state_key"].to_string();
      const std::optional<std::int64_t> number =
          member ? co_await interner_.lookup_user(*member) : std::nullopt;
      if (number) {
        users.push_back(*number);
      }
    }
  }
  std::erase(users, scope.user);
  co_return users;
}

Task<std::vector<PresencePtr>> SyncSection::offline(const SyncScope& scope, const SyncResponse& response) {
  std::unordered_set<std::int64_t> members;
  for (const auto& [room, room_id] : response.joined_rooms) {
    const auto list = co_await rooms_.joined_users(room);
    members.insert(list->begin(), list->end());
    if (members.size() > kMostOffline) {
      break;
    }
  }
  members.erase(scope.user);
  std::vector<std::int64_t> users{members.begin(), members.end()};
  users.resize(std::min(users.size(), kMostOffline));
  std::vector<PresencePtr> known = co_await board_.ask_for_all(users);
  for (const PresencePtr& presence : known) {
    std::erase(users, presence->user);
  }
  std::erase_if(known, [](const PresencePtr& presence) { return presence->state != State::kOffline; });
  const std::vector<storage::InternText> ids = co_await interner_.texts(storage::InternKind::User, users);
  for (std::size_t i = 0; i < users.size(); ++i) {
    auto absent = std::make_shared<PresenceState>();
    absent->user = users[i];
    absent->user_id = ids[i].first;
    known.push_back(std::move(absent));
  }
  co_return known;
}

Task<void> SyncSection::contribute(SyncScope& scope, SyncResponse& response) {
  if (!settings_.tracked) {
    co_return;
  }
  const StreamPosition from = scope.from.at(StreamNumber::kPresence);
  const StreamPosition to = scope.to.at(StreamNumber::kPresence);
  const Measure measure{looking_};
  std::vector<PresencePtr> people;
  if (scope.initial) {
    metrics_.full.add();
    std::vector<PresencePtr> present = co_await board_.ask_present(to);
    people = co_await sharing(scope, response, std::move(present));
    if (settings_.include_offline) {
      for (PresencePtr& absent : co_await offline(scope, response)) {
        people.push_back(std::move(absent));
      }
    }
  } else if (to.maximum() > from.minimum()) {
    metrics_.stream.add();
    PresenceBoard::Changes changes = co_await board_.ask_changes(from, to);
    people = co_await sharing(scope, response, std::move(changes.people));
    if (!changes.complete) {
      for (PresencePtr& absent : co_await offline(scope, response)) {
        people.push_back(std::move(absent));
      }
    }
  }
  if (!scope.initial && !response.joined.empty()) {
    std::vector<std::int64_t> users = co_await newcomers(scope, response);
    if (!users.empty()) {
      for (PresencePtr& presence : co_await stream_.present_now(std::move(users), from)) {
        if (presence->state != State::kOffline) {
          people.push_back(std::move(presence));
        }
      }
    }
  }
  std::unordered_set<std::int64_t> shown;
  const std::int64_t now = server_.runtime().now_ms();
  for (const PresencePtr& presence : people) {
    if (!shown.insert(presence->user).second ||
        !scope.filter->presence().matches("m.presence", presence->user_id)) {
      continue;
    }
    std::string& out = response.presence.emplace_back();
    json::Writer writer{out};
    writer.begin_object().key("content").raw(content_of(*presence, now));
    writer.key("sender").value(presence->user_id).key("type").value("m.presence").end_object();
  }
}

}  // namespace lares::presence
