// SPDX-License-Identifier: Apache-2.0
#include <lares/matrix/event.hpp>
#include <lares/matrix/history_visibility.hpp>

namespace lares::matrix {

HistoryVisibility read_history_visibility(std::string_view value) noexcept {
  if (value == "world_readable") {
    return HistoryVisibility::kWorldReadable;
  }
  if (value == "invited") {
    return HistoryVisibility::kInvited;
  }
  return value == "joined" ? HistoryVisibility::kJoined : HistoryVisibility::kShared;
}

HistoryVisibility history_visibility(const Event* event) noexcept {
  if (event == nullptr) {
    return HistoryVisibility::kShared;
  }
  const json::Value value = event->content()["history_visibility"];
  for (const std::string_view word : {"world_readable", "invited", "joined"}) {
    if (value.equals(word)) {
      return read_history_visibility(word);
    }
  }
  return HistoryVisibility::kShared;
}

MembershipState read_membership(std::string_view value) noexcept {
  if (value == "join") {
    return MembershipState::kJoin;
  }
  if (value == "invite") {
    return MembershipState::kInvite;
  }
  if (value == "knock") {
    return MembershipState::kKnock;
  }
  return value == "ban" ? MembershipState::kBan : MembershipState::kLeave;
}

MembershipState membership_state(const Event* event) noexcept {
  if (event == nullptr) {
    return MembershipState::kLeave;
  }
  const json::Value value = event->content()["membership"];
  for (const std::string_view word : {"join", "invite", "knock", "ban"}) {
    if (value.equals(word)) {
      return read_membership(word);
    }
  }
  return MembershipState::kLeave;
}

namespace {

bool allowed(const ReaderThen& then, bool joined_since) noexcept {
  if (then.visibility == HistoryVisibility::kWorldReadable || then.membership == MembershipState::kJoin) {
    return true;
  }
  if (then.visibility == HistoryVisibility::kShared && joined_since) {
    return true;
  }
  return then.visibility == HistoryVisibility::kInvited && then.membership == MembershipState::kInvite;
}

}  // namespace

bool may_see(const ReaderThen& before, const ReaderThen& after, bool joined_since) noexcept {
  return allowed(before, joined_since) || allowed(after, joined_since);
}

bool server_may_see(const ReaderThen& then, bool in_room) noexcept {
  return allowed(then, in_room);
}

}  // namespace lares::matrix
