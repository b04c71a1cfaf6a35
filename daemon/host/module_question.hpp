// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <host/module_wire.hpp>

#include <lares/module/abi.h>
#include <lares/module/draft/spam_checker.h>
#include <lares/service/spam_checker.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

namespace lares::host {

/// What a module is asked; the alternatives stand in the order of service::SpamChecker::Hook.
/// **Lifetime**: views of the asker's texts.
using ModuleQuestion =
    std::variant<lares_event_view, lares_invite_view, lares_join_view, lares_create_room_view>;

inline constexpr std::size_t kModuleHooks = std::variant_size_v<ModuleQuestion>;

/// The slot's name in the header, for logs and metrics.
[[nodiscard]] constexpr std::string_view hook_name(std::size_t hook) noexcept {
  constexpr std::string_view kNames[kModuleHooks] = {"check_event_for_spam", "user_may_invite",
                                                     "user_may_join_room", "user_may_create_room"};
  return kNames[hook];
}

/// Whether a late or failed answer allows: see the table in lares/module/draft/spam_checker.h.
[[nodiscard]] constexpr bool allows_by_default(std::size_t hook) noexcept {
  using Hook = service::SpamChecker::Hook;
  return hook == static_cast<std::size_t>(Hook::Event) || hook == static_cast<std::size_t>(Hook::Join);
}

/// How a call into a module ended.
struct ModuleAnswer {
  lares_status status = LARES_OK;
  service::SpamVerdict verdict = {};  ///< where status is LARES_OK
  std::string message = {};           ///< where it is not
  std::string state = {};             ///< of `save`
  std::uint64_t state_version = 0;
};

[[nodiscard]] inline lares_text_view view_of(std::string_view text) noexcept {
  return {text.data(), text.size()};
}

/// A text of the other side; empty where it is absent.
[[nodiscard]] inline std::string_view text_of(lares_text_view text) noexcept {
  return text.data == nullptr ? std::string_view{} : std::string_view{text.data, text.size};
}

/// Takes a verdict over from a module, with what it says checked and cut to what may reach a client.
[[nodiscard]] ModuleAnswer take_verdict(const lares_spam_verdict_view* verdict);

}  // namespace lares::host
