// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/matrix/push_ruleset.hpp>

#include <span>
#include <string_view>

namespace lares::matrix {

/// Stand in conditions of predefined rules for the user whose rules they are.
inline constexpr std::string_view kUserPlaceholder = "{user_id}";
inline constexpr std::string_view kLocalpartPlaceholder = "{localpart}";

/// What the second of them stands for; empty for what is no user id.
[[nodiscard]] constexpr std::string_view localpart_of(std::string_view user_id) noexcept {
  return user_id.starts_with('@') ? user_id.substr(1, user_id.find(':') - 1) : std::string_view{};
}

/// A rule that every user has.
struct PredefinedPushRule {
  PushRuleKind kind;
  std::string_view rule_id;
  bool enabled;
  bool legacy;                  ///< of PredefinedPushRules::kWithLegacyMentions
  std::string_view conditions;  ///< JSON array; empty for a content rule
  std::string_view pattern;
  std::string_view actions;  ///< JSON array
};

/// All of them in the order in which they are asked within their kind; the first is the master rule.
[[nodiscard]] std::span<const PredefinedPushRule> predefined_push_rules() noexcept;

}  // namespace lares::matrix
