// SPDX-License-Identifier: Apache-2.0
#include "presence_board.hpp"

#include <algorithm>
#include <utility>

namespace lares::presence {

void PresenceBoard::take(PresenceState presence) {
  const std::int64_t user = presence.user;
  PresencePtr& place = people_[user];
  if (place) {
    order_.erase({place->position, place->writer, user});
  }
  order_.emplace(presence.position, presence.writer, user);
  place = std::make_shared<const PresenceState>(std::move(presence));
  // A tenth at once, so that the walk past those who are online is paid for by many.
  if (people_.size() > kMostPeople) {
    for (auto at = order_.begin(); at != order_.end() && people_.size() > kMostPeople - kMostPeople / 10;) {
      const auto person = people_.find(std::get<2>(*at));
      if (person->second->state != State::kOffline) {
        ++at;
        continue;
      }
      complete_from_ = std::max(complete_from_, std::get<0>(*at));
      people_.erase(person);
      at = order_.erase(at);
    }
  }
  size_.store(people_.size(), std::memory_order_relaxed);
}

PresencePtr PresenceBoard::find(std::int64_t user) const {
  const auto found = people_.find(user);
  return found == people_.end() ? nullptr : found->second;
}

std::vector<PresencePtr> PresenceBoard::present_of(stream::WriterNumber writer) const {
  std::vector<PresencePtr> result;
  for (const auto& [user, presence] : people_) {
    if (presence->writer == writer && presence->state != State::kOffline) {
      result.push_back(presence);
    }
  }
  return result;
}

std::vector<PresencePtr> PresenceBoard::between(stream::WriterNumber writer, std::int64_t from,
                                                std::int64_t to) const {
  std::vector<PresencePtr> result;
  for (auto at = order_.lower_bound({from + 1, 0, 0}); at != order_.end() && std::get<0>(*at) <= to; ++at) {
    if (std::get<1>(*at) == writer) {
      result.push_back(people_.at(std::get<2>(*at)));
    }
  }
  return result;
}

Task<PresencePtr> PresenceBoard::ask_for(std::int64_t user) {
  co_return co_await actor_.call([this, user] { return find(user); });
}

Task<std::vector<PresencePtr>> PresenceBoard::ask_for_all(std::vector<std::int64_t> users) {
  co_return co_await actor_.call([this, &users] {
    std::vector<PresencePtr> result;
    for (const std::int64_t user : users) {
      if (PresencePtr found = find(user)) {
        result.push_back(std::move(found));
      }
    }
    return result;
  });
}

Task<std::vector<PresencePtr>> PresenceBoard::ask_present(stream::StreamPosition to) {
  co_return co_await actor_.call([this, &to] {
    std::vector<PresencePtr> result;
    for (const auto& [user, presence] : people_) {
      if (presence->state != State::kOffline && to.covers(presence->writer, presence->position)) {
        result.push_back(presence);
      }
    }
    return result;
  });
}

Task<PresenceBoard::Changes> PresenceBoard::ask_changes(stream::StreamPosition from,
                                                        stream::StreamPosition to) {
  co_return co_await actor_.call([this, &from, &to] {
    Changes changes;
    changes.complete = from.minimum() >= complete_from_;
    for (auto at = order_.lower_bound({from.minimum() + 1, 0, 0}); at != order_.end(); ++at) {
      const auto& [position, writer, user] = *at;
      if (!from.covers(writer, position) && to.covers(writer, position)) {
        changes.people.push_back(people_.at(user));
      }
    }
    return changes;
  });
}

}  // namespace lares::presence
