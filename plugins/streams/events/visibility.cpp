// SPDX-License-Identifier: Apache-2.0
#include "visibility.hpp"

#include <utility>

namespace lares::events {

using service::StoredEvent;
using service::StoredEventPtr;

namespace {

// Of a user who was put out and let in again and never came, more often than this, nobody looks for an
// earlier stay.
constexpr int kMostMemberships = 100;

StoredEventPtr redacted(const StoredEvent& event) {
  auto copy = std::make_shared<StoredEvent>(event);
  copy->event = matrix::redact(*event.event);
  return copy;
}

}  // namespace

Task<std::optional<RoomMembership>> last_stay(RoomCaches& caches, storage::Interner& interner,
                                              std::string user_id, RoomMembership membership) {
  if (membership.membership == MembershipCode::kJoin) {
    co_return membership;
  }
  if (membership.membership == MembershipCode::kInvite || membership.membership == MembershipCode::kKnock) {
    co_return std::nullopt;
  }
  const std::optional<std::int64_t> key = co_await interner.lookup_state_key("m.room.member", user_id);
  for (int step = 0; key && step < kMostMemberships; ++step) {
    const std::vector<StoredEventPtr> own =
        co_await caches.events(std::vector<std::int64_t>{membership.event});
    const std::vector<std::int64_t> former = co_await caches.state_events(
        membership.room, own.front()->state_before, std::vector<std::int64_t>{*key});
    if (former.front() == 0) {
      break;
    }
    const std::vector<StoredEventPtr> before = co_await caches.events(former);
    if (matrix::membership_state(before.front()->event.get()) == matrix::MembershipState::kJoin) {
      co_return membership;
    }
    membership.event = before.front()->number;
    membership.position = before.front()->position;
    membership.writer = before.front()->writer;
  }
  co_return std::nullopt;
}

Visibility::Visibility(RoomCaches& caches, storage::Interner& interner, service::ErasedUsers* erased,
                       std::int64_t room, std::string user_id, std::int64_t user,
                       std::optional<RoomMembership> membership, IgnoredUsers ignored)
    : caches_(caches),
      interner_(interner),
      erased_(erased),
      room_(room),
      user_id_(std::move(user_id)),
      user_(user),
      membership_(membership),
      ignored_(std::move(ignored)) {}

// Whoever is joined sees everything since the join that still holds; no state need be looked at.
bool Visibility::certainly_visible(const StoredEvent& event) const noexcept {
  return membership_ && membership_->membership == MembershipCode::kJoin &&
         event.position >= membership_->position;
}

// Shared history belongs to whoever is, or was later, in the room; what came after one left is not part of
// it.
bool Visibility::may_see(const StoredEvent& event, const matrix::ReaderThen& before,
                         const matrix::ReaderThen& after) const noexcept {
  const bool joined_since =
      membership_ && membership_->membership != MembershipCode::kInvite &&
      membership_->membership != MembershipCode::kKnock &&
      (membership_->membership == MembershipCode::kJoin || event.position <= membership_->position);
  return matrix::may_see(before, after, joined_since);
}

Task<bool> Visibility::reaches(const StoredEvent& event) {
  if (certainly_visible(event)) {
    co_return true;
  }
  const matrix::ReaderThen before = co_await at(event.state_before);
  const matrix::ReaderThen after = co_await at(event.state_after);
  co_return may_see(event, before, after);
}

Task<matrix::ReaderThen> Visibility::at(std::int64_t root) {
  if (const auto found = known_.find(root); found != known_.end()) {
    co_return found->second;
  }
  if (!keys_known_) {
    std::vector<storage::InternView> texts{{"m.room.history_visibility", ""}, {"m.room.member", user_id_}};
    const std::vector<std::optional<std::int64_t>> numbers =
        co_await interner_.lookup(storage::InternKind::StateKey, std::move(texts));
    visibility_key_ = numbers[0].value_or(0);
    member_key_ = numbers[1].value_or(0);
    keys_known_ = true;
  }
  const std::vector<std::int64_t> entries =
      co_await caches_.state_events(room_, root, std::vector<std::int64_t>{visibility_key_, member_key_});
  std::vector<std::int64_t> wanted;
  for (const std::int64_t entry : entries) {
    if (entry != 0) {
      wanted.push_back(entry);
    }
  }
  const std::vector<StoredEventPtr> events = co_await caches_.events(std::move(wanted));
  matrix::ReaderThen state;
  for (const StoredEventPtr& event : events) {
    if (event->event->type() == "m.room.member") {
      state.membership = matrix::membership_state(event->event.get());
    } else {
      state.visibility = matrix::history_visibility(event->event.get());
    }
  }
  known_.emplace(root, state);
  co_return state;
}

Task<bool> Visibility::sender_erased(const StoredEvent& event) {
  if (erased_ == nullptr) {
    co_return false;
  }
  if (const auto found = known_senders_.find(event.sender); found != known_senders_.end()) {
    co_return found->second;
  }
  const bool erased = co_await erased_->erased(std::string{event.event->sender()});
  known_senders_.emplace(event.sender, erased);
  co_return erased;
}

Task<StoredEventPtr> Visibility::as_former(StoredEventPtr former) {
  if (former && co_await sender_erased(*former)) {
    former = redacted(*former);
  }
  co_return former;
}

Task<std::vector<std::int64_t>> Visibility::ignored() const {
  std::vector<std::int64_t> users;
  if (!ignored_ || ignored_->empty()) {
    co_return users;
  }
  std::vector<storage::InternView> ids;
  for (const std::string& user : *ignored_) {
    ids.push_back({user, ""});
  }
  for (const std::optional<std::int64_t>& user :
       co_await interner_.lookup(storage::InternKind::User, std::move(ids))) {
    if (user) {
      users.push_back(*user);
    }
  }
  co_return users;
}

Task<std::vector<StoredEventPtr>> Visibility::filter(std::vector<StoredEventPtr> events) {
  std::vector<StoredEventPtr> visible;
  visible.reserve(events.size());
  for (StoredEventPtr& event : events) {
    // An outlier (position 0) is known and has no place in the room.
    if (event->soft_failed || event->rejected || event->position == 0) {
      continue;
    }
    // State is the room's, whoever set it.
    if (ignored_ && !ignored_->empty() && !event->event->is_state() &&
        ignored_->contains(std::string{event->event->sender()})) {
      continue;
    }
    if (certainly_visible(*event)) {
      visible.push_back(std::move(event));
      continue;
    }
    const matrix::ReaderThen before = co_await at(event->state_before);
    const matrix::ReaderThen after = co_await at(event->state_after);
    // A user's own membership events are always news to the user.
    const bool allowed = may_see(*event, before, after) ||
                         (event->event->type() == "m.room.member" && event->event->state_key() == user_id_);
    if (!allowed) {
      continue;
    }
    const bool inside = before.membership == matrix::MembershipState::kJoin ||
                        after.membership == matrix::MembershipState::kJoin;
    if (!inside && co_await sender_erased(*event)) {
      event = redacted(*event);
    }
    visible.push_back(std::move(event));
  }
  co_return visible;
}

std::string_view Visibility::membership_at(const StoredEvent& event) const noexcept {
  if (certainly_visible(event)) {
    return "join";
  }
  const auto found = known_.find(event.state_after);
  if (found == known_.end()) {
    return {};
  }
  switch (found->second.membership) {
    case matrix::MembershipState::kJoin:
      return "join";
    case matrix::MembershipState::kInvite:
      return "invite";
    case matrix::MembershipState::kKnock:
      return "knock";
    case matrix::MembershipState::kBan:
      return "ban";
    case matrix::MembershipState::kLeave:
      break;
  }
  return "leave";
}

}  // namespace lares::events
