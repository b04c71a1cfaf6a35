// SPDX-License-Identifier: Apache-2.0
#include "level_parts.hpp"

#include <lares/matrix/event.hpp>
#include <lares/matrix/power_levels.hpp>

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

namespace lares::matrix {

namespace {

/// The entry of a user. In canonical bytes without a backslash and without anything nested, a text between a
/// quote and a quote with a colon can only be a name, so it is searched for as a text, which is much faster
/// than a walk.
json::Value find_user(const json::Value& users, std::string_view user_id) noexcept {
  if (!users.is_object()) {
    return {};
  }
  const std::string_view bytes = users.bytes().substr(1);
  const bool flat = bytes.find('\\') == std::string_view::npos && bytes.find('{') == std::string_view::npos &&
                    bytes.find('[') == std::string_view::npos;
  if (!flat || user_id.empty() || user_id.find_first_of("\"\\") != std::string_view::npos) {
    return users[user_id];
  }
  std::size_t from = 0;
  while (true) {
    const void* found = memmem(bytes.data() + from, bytes.size() - from, user_id.data(), user_id.size());
    if (found == nullptr) {
      return {};
    }
    const auto at = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
    const std::string_view behind = bytes.substr(at + user_id.size());
    if (at > 0 && bytes[at - 1] == '"' && behind.starts_with("\":")) {
      return json::Value{behind.substr(2)};
    }
    from = at + 1;
  }
}

using Limits = std::numeric_limits<std::int64_t>;

/// "100", " +0100 ", "-5": what early versions took for an integer. One beyond 64 bits stands for the last
/// within, as it is above or below all others just the same.
std::optional<std::int64_t> integer_of_string(std::string_view text) noexcept {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) {
    return std::nullopt;
  }
  text = text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) {
      return std::nullopt;
    }
  }
  std::int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec == std::errc::invalid_argument || read.ptr != text.data() + text.size()) {
    return std::nullopt;
  }
  if (read.ec == std::errc::result_out_of_range) {
    return text.starts_with('-') ? Limits::min() : Limits::max();
  }
  return number;
}

}  // namespace

PowerLevels::PowerLevels(const RoomVersion& version, const Event* create, const Event* power_levels) noexcept
    : version_{&version}, create_{create} {
  if (power_levels != nullptr) {
    explicit_ = true;
    parts_ = detail::level_parts(power_levels->content());
  }
}

std::optional<std::int64_t> PowerLevels::read_level(const json::Value& value,
                                                    const RoomVersion& version) noexcept {
  if (const auto number = value.as_int64()) {
    return number;
  }
  if (version.integer_power_levels) {
    return std::nullopt;
  }
  if (const auto text = value.as_string()) {
    // Escaped white space is white space too; anything else with an escape is no number.
    if (text->plain()) {
      return integer_of_string(text->raw());
    }
    return integer_of_string(text->decoded());
  }
  if (version.strict_canonical_json) {
    return std::nullopt;
  }
  const auto number = value.as_double();
  if (!number || !std::isfinite(*number)) {
    return std::nullopt;
  }
  if (std::fabs(*number) >= 9223372036854775808.0) {
    return *number < 0 ? Limits::min() : Limits::max();
  }
  return static_cast<std::int64_t>(*number);
}

bool PowerLevels::is_privileged_creator(std::string_view user_id) const noexcept {
  return version_->privileged_creators && create_ != nullptr && is_creator(*create_, user_id);
}

PowerLevel PowerLevels::user(std::string_view user_id) const noexcept {
  if (is_privileged_creator(user_id)) {
    return PowerLevel::infinite();
  }
  if (explicit_) {
    if (const auto level = read_level(find_user(parts_.users, user_id), *version_)) {
      return PowerLevel{*level};
    }
    return to(PowerAction::kUsersDefault);
  }
  return PowerLevel{create_ != nullptr && is_creator(*create_, user_id) ? 100 : 0};
}

PowerLevel PowerLevels::to_send(std::string_view event_type, bool is_state) const noexcept {
  if (const auto level = read_level(parts_.events[event_type], *version_)) {
    return PowerLevel{*level};
  }
  return to(is_state ? PowerAction::kStateDefault : PowerAction::kEventsDefault);
}

PowerLevel PowerLevels::to(PowerAction action) const noexcept {
  if (const auto level = read_level(parts_.actions[static_cast<std::size_t>(action)], *version_)) {
    return PowerLevel{*level};
  }
  switch (action) {
    case PowerAction::kBan:
    case PowerAction::kKick:
    case PowerAction::kRedact:
    case PowerAction::kStateDefault:
      return PowerLevel{50};
    case PowerAction::kInvite:
    case PowerAction::kUsersDefault:
    case PowerAction::kEventsDefault:
      return PowerLevel{0};
  }
  return PowerLevel{0};
}

PowerLevel PowerLevels::to_notify(std::string_view key) const noexcept {
  if (const auto level = read_level(parts_.notifications[key], *version_)) {
    return PowerLevel{*level};
  }
  return PowerLevel{50};
}

bool is_creator(const Event& create, std::string_view user_id) noexcept {
  const RoomVersion& version = create.version();
  if (!version.implicit_creator) {
    return create.content()["creator"].equals(user_id);
  }
  if (create.sender() == user_id) {
    return true;
  }
  if (version.privileged_creators) {
    for (const json::Value& additional : create.content()["additional_creators"].elements()) {
      if (additional.equals(user_id)) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace lares::matrix
