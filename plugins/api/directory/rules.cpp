// SPDX-License-Identifier: Apache-2.0
#include "rules.hpp"

#include <lares/base/strings.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace lares::directory {

namespace {

bool fits(const nlohmann::json& rule, const char* key, std::string_view text) {
  const auto pattern = rule.find(key);
  return pattern == rule.end() || !pattern->is_string() ||
         matches(pattern->get_ref<const std::string&>(), text);
}

}  // namespace

bool matches(std::string_view pattern, std::string_view text) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  std::size_t at = 0;
  std::size_t in = 0;
  std::size_t star = std::string_view::npos;  // behind the last *, and what it stands for so far
  std::size_t held = 0;
  while (in < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = ++at;
      held = in;
    } else if (at < pattern.size() && (pattern[at] == '?' || lower(pattern[at]) == lower(text[in]))) {
      ++at;
      ++in;
    } else if (star != std::string_view::npos) {
      at = star;
      in = ++held;
    } else {
      return false;
    }
  }
  return std::ranges::all_of(pattern.substr(at), [](char c) { return c == '*'; });
}

bool allowed(const nlohmann::json& rules, std::string_view user_id, std::string_view room_id,
             const std::vector<std::string>& aliases) {
  if (!rules.is_array()) {
    return true;
  }
  for (const nlohmann::json& rule : rules) {
    const bool named = fits(rule, "alias", "") ||
                       std::ranges::any_of(
                           aliases, [&rule](const std::string& alias) { return fits(rule, "alias", alias); });
    if (named && fits(rule, "user_id", user_id) && fits(rule, "room_id", room_id)) {
      return rule.value("action", std::string{"allow"}) == "allow";
    }
  }
  return false;
}

}  // namespace lares::directory
