// SPDX-License-Identifier: Apache-2.0
#include "sync_section.hpp"

#include <lares/matrix/filter.hpp>

#include <string>
#include <utility>

namespace lares::push_rules {

using service::SyncResponse;
using service::SyncScope;
using stream::StreamNumber;

Task<void> SyncSection::contribute(SyncScope& scope, SyncResponse& response) {
  co_await add_rules(scope, response);
  for (service::JoinedRoomSync& room : response.joined) {
    if (room.newly_joined || !room.empty()) {
      co_await add_counts(scope, room);
    }
  }
}

Task<void> SyncSection::add_rules(const SyncScope& scope, SyncResponse& response) {
  const bool moved = scope.from.at(StreamNumber::kPushRules) != scope.to.at(StreamNumber::kPushRules);
  if ((!scope.initial && !moved) || !scope.filter->account_data().matches("m.push_rules", "")) {
    co_return;
  }
  const UserRulesPtr rules = co_await rules_.rules(scope.user);
  const bool news = rules && !scope.from.covers(StreamNumber::kPushRules, rules->writer, rules->position) &&
                    scope.to.covers(StreamNumber::kPushRules, rules->writer, rules->position);
  if (!scope.initial && !news) {
    co_return;
  }
  static const matrix::PushRuleset kUntouched;
  std::string event = R"({"content":)";
  (rules ? rules->ruleset : kUntouched).append_json(event, scope.requester->user().view());
  event += R"(,"type":"m.push_rules"})";
  response.account_data.push_back(std::move(event));
}

Task<void> SyncSection::add_counts(const SyncScope& scope, service::JoinedRoomSync& room) {
  const Measure measure{counting_};
  const Unread unread = co_await counts_.count(scope.user, room.room, scope.to.at(StreamNumber::kEvents));
  UnreadCount shown = unread.main;
  if (!scope.filter->timeline().unread_thread_notifications()) {
    for (const auto& [root, count] : unread.threads) {
      shown.notifications += count.notifications;
      shown.highlights += count.highlights;
    }
  } else if (!unread.threads.empty()) {
    std::vector<std::int64_t> roots;
    for (const auto& [root, count] : unread.threads) {
      roots.push_back(root);
    }
    for (const auto& [root, id] : co_await counts_.thread_roots(std::move(roots))) {
      const UnreadCount& count = unread.threads.at(root);
      room.thread_counts.emplace(id, std::pair{count.notifications, count.highlights});
    }
  }
  room.notification_count = shown.notifications;
  room.highlight_count = shown.highlights;
}

}  // namespace lares::push_rules
