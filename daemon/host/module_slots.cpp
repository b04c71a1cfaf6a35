// SPDX-License-Identifier: Apache-2.0
#include <host/module_slots.hpp>

#include <variant>

namespace lares::host {
namespace {

// As lares/module/module.h says.
constexpr std::size_t kMaxState = 16u << 20;

}  // namespace

bool valid_state(const lares_saved_state_view& saved) noexcept {
  return LARES_HAS_FIELD(&saved, lares_saved_state_view, state) && saved.state.size <= kMaxState;
}

bool has_slot(const lares_spam_checker* checker, std::size_t hook) noexcept {
  if (checker == nullptr) {
    return false;
  }
  switch (hook) {
    case 0:
      return LARES_HAS_FIELD(checker, lares_spam_checker, check_event_for_spam) &&
             checker->check_event_for_spam != nullptr;
    case 1:
      return LARES_HAS_FIELD(checker, lares_spam_checker, user_may_invite) &&
             checker->user_may_invite != nullptr;
    case 2:
      return LARES_HAS_FIELD(checker, lares_spam_checker, user_may_join_room) &&
             checker->user_may_join_room != nullptr;
    case 3:
      return LARES_HAS_FIELD(checker, lares_spam_checker, user_may_create_room) &&
             checker->user_may_create_room != nullptr;
    default:
      return false;
  }
}

void call_slot(const lares_spam_checker& checker, void* module, const lares_call_view& call,
               const wire::Question& question) noexcept {
  if (const auto* event = std::get_if<lares_event_view>(&question)) {
    checker.check_event_for_spam(module, &call, event);
  } else if (const auto* invite = std::get_if<lares_invite_view>(&question)) {
    checker.user_may_invite(module, &call, invite);
  } else if (const auto* join = std::get_if<lares_join_view>(&question)) {
    checker.user_may_join_room(module, &call, join);
  } else if (const auto* room = std::get_if<lares_create_room_view>(&question)) {
    checker.user_may_create_room(module, &call, room);
  }
}

}  // namespace lares::host
