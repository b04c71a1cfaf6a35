// SPDX-License-Identifier: Apache-2.0
#include "audience.hpp"

#include <algorithm>
#include <utility>

namespace lares::push_rules {

namespace {

constexpr std::size_t kCacheListeners = 500'000;
// Beyond this it is cheaper to load the audience again.
constexpr std::size_t kMostUnread = 1'000;

void add(Audience& audience, Listener listener) {
  const matrix::PushRules& rules = listener.rules->compiled;
  audience.needs_power_levels = audience.needs_power_levels || rules.needs_power_levels();
  audience.needs_related_events = audience.needs_related_events || rules.needs_related_events();
  const auto place = std::ranges::lower_bound(audience.listeners, listener.user, {}, &Listener::user);
  audience.listeners.insert(place, std::move(listener));
}

}  // namespace

Audiences::Audiences(TaskGroup& loads, Server& server, UserRulesCache& rules, storage::Interner& interner,
                     service::Rooms& rooms)
    : services_(server.services()),
      rules_(rules),
      interner_(interner),
      rooms_(rooms),
      cache_(loads, {.name = "push_audiences", .server_name = server.name(), .max_size = kCacheListeners},
             [](std::int64_t, const AudiencePtr& audience) {
               return audience->listeners.size() + audience->ignoring.size() + audience->unread.size() + 1;
             }) {}

Task<std::optional<Listener>> Audiences::listener(std::int64_t user, UserRulesPtr rules,
                                                  matrix::RoomId room_id) {
  if (!rules || rules->ruleset.untouched()) {
    co_return std::nullopt;
  }
  Listener one{.user = user, .rules = std::move(rules), .display_name = {}};
  if (one.rules->compiled.needs_display_name()) {
    const matrix::EventPtr member =
        co_await rooms_.current_state(room_id, "m.room.member", std::string{one.rules->compiled.user_id()});
    if (member) {
      one.display_name = member->content()["displayname"].to_string().value_or("");
    }
  }
  co_return one;
}

Task<IgnoredPtr> Audiences::ignored_by(std::int64_t user) {
  auto* const account_data = services_.find<service::AccountData>();
  IgnoredPtr ignored = account_data != nullptr ? co_await account_data->ignored(user) : nullptr;
  co_return ignored && !ignored->empty() ? std::move(ignored) : nullptr;
}

Task<AudiencePtr> Audiences::load(std::int64_t room, matrix::RoomId room_id) {
  auto audience = std::make_shared<Audience>();
  audience->joined = co_await rooms_.joined_users(room);
  auto changed = co_await rules_.changed_among(audience->joined);
  for (auto& [user, rules] : changed) {
    std::optional<Listener> one = co_await listener(user, std::move(rules), room_id);
    if (one) {
      add(*audience, std::move(*one));
    }
  }
  if (auto* const account_data = services_.find<service::AccountData>()) {
    for (auto& [user, ignored] : co_await account_data->ignoring_among(audience->joined)) {
      audience->ignoring.push_back({user, std::move(ignored)});
    }
  }
  co_return audience;
}

Task<AudiencePtr> Audiences::refreshed(AudiencePtr old, std::int64_t room, matrix::RoomId room_id) {
  const std::uint64_t begun = changes_begun();
  auto audience = std::make_shared<Audience>(*old);
  audience->unread.clear();
  audience->joined = co_await rooms_.joined_users(room);
  for (const std::int64_t user : old->unread) {
    UserRulesPtr rules = co_await rules_.rules(user);
    std::optional<Listener> one = co_await listener(user, std::move(rules), room_id);
    if (one) {
      add(*audience, std::move(*one));
    }
    if (IgnoredPtr ignored = co_await ignored_by(user)) {
      const auto place = std::ranges::lower_bound(audience->ignoring, user, {}, &Ignoring::user);
      audience->ignoring.insert(place, {user, std::move(ignored)});
    }
  }
  keep(room, audience, begun);
  co_return audience;
}

Task<AudiencePtr> Audiences::audience(std::int64_t room, matrix::RoomId room_id) {
  std::optional<AudiencePtr> known = cache_.peek(room);
  if (!known) {
    co_return co_await cache_.get(room,
                                  [this, room_id](std::int64_t wanted) { return load(wanted, room_id); });
  }
  if ((*known)->joined && (*known)->unread.empty()) {
    co_return std::move(*known);
  }
  co_return co_await refreshed(std::move(*known), room, std::move(room_id));
}

void Audiences::keep(std::int64_t room, AudiencePtr audience, std::uint64_t begun_before) {
  cache_.put(room, std::move(audience));
  if (ended_.load(std::memory_order_acquire) != begun_before || changes_begun() != begun_before) {
    cache_.invalidate(room);
  }
}

void Audiences::member_changed(std::int64_t room, std::int64_t user, bool in) {
  const std::uint64_t begun = changes_begun();
  const std::optional<AudiencePtr> known = cache_.peek(room);
  if (!known || (*known)->unread.size() >= kMostUnread) {
    cache_.invalidate(room);
    return;
  }
  auto audience = std::make_shared<Audience>(**known);
  audience->joined = nullptr;
  std::erase_if(audience->listeners, [user](const Listener& one) { return one.user == user; });
  std::erase_if(audience->ignoring, [user](const Ignoring& one) { return one.user == user; });
  std::erase(audience->unread, user);
  if (in) {
    audience->unread.push_back(user);
  }
  keep(room, std::move(audience), begun);
}

Task<void> Audiences::rules_changed(std::int64_t user) {
  begun_.fetch_add(1, std::memory_order_acq_rel);
  struct Ended {
    std::atomic<std::uint64_t>& count;
    ~Ended() { count.fetch_add(1, std::memory_order_acq_rel); }
  } ended{ended_};
  const std::vector<std::int64_t> rooms = co_await rooms_.joined_rooms(user);
  for (const std::int64_t room : rooms) {
    cache_.invalidate(room);
  }
}

}  // namespace lares::push_rules
