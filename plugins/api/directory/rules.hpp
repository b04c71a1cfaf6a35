// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace lares::directory {

/// Whether a text is what a pattern says, in which `*` stands for any characters and `?` for one; letters in
/// either case.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view text) noexcept;

/// Who may do something to a room with these names, by a list of rules of which the first that fits decides.
/// A rule fits if each of `user_id`, `room_id` and `alias` does that it has; `alias` fits if one of the
/// aliases does. Where there are no rules everyone may; where none fits nobody.
[[nodiscard]] bool allowed(const nlohmann::json& rules, std::string_view user_id, std::string_view room_id,
                           const std::vector<std::string>& aliases);

}  // namespace lares::directory
