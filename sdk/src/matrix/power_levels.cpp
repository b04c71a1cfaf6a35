// SPDX-License-Identifier: Apache-2.0
#include <lares/matrix/event.hpp>
#include <lares/matrix/power_levels.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

namespace lares::matrix {

namespace {

constexpr std::string_view kPropertyNames[] = {"ban",           "kick",           "invite",       "redact",
                                               "users_default", "events_default", "state_default"};

/// The entry of a user. Most users have none, and a search for the bare text finds that out much faster than
/// a walk over all entries: an event's bytes are canonical, so a name without escapes stands in them as it
/// is.
json::Value find_user(const json::Value& users, std::string_view user_id) noexcept {
  const bool as_it_is = std::all_of(user_id.begin(), user_id.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
  });
  const std::string_view bytes = users.bytes();
  if (as_it_is && memmem(bytes.data(), bytes.size(), user_id.data(), user_id.size()) == nullptr) {
    return {};
  }
  return users[user_id];
}

/// "100", " +0100 ", "-5": what early versions took for an integer.
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
  if (read.ec != std::errc{} || read.ptr != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

}  // namespace

PowerLevels::PowerLevels(const RoomVersion& version, const Event* create, const Event* power_levels) noexcept
    : version_{&version}, create_{create} {
  if (power_levels != nullptr) {
    content_ = power_levels->content();
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
  if (!number || !std::isfinite(*number) || std::fabs(*number) >= 9223372036854775808.0) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(*number);
}

std::optional<std::int64_t> PowerLevels::level_at(std::string_view key) const noexcept {
  const json::Value value = content_[key];
  return value ? read_level(value, *version_) : std::nullopt;
}

bool PowerLevels::is_privileged_creator(std::string_view user_id) const noexcept {
  return version_->privileged_creators && create_ != nullptr && is_creator(*create_, user_id);
}

PowerLevel PowerLevels::user(std::string_view user_id) const noexcept {
  if (is_privileged_creator(user_id)) {
    return PowerLevel::infinite();
  }
  if (content_) {
    if (const json::Value own = find_user(content_["users"], user_id)) {
      if (const auto level = read_level(own, *version_)) {
        return PowerLevel{*level};
      }
    }
    return PowerLevel{level_at("users_default").value_or(0)};
  }
  return PowerLevel{create_ != nullptr && is_creator(*create_, user_id) ? 100 : 0};
}

PowerLevel PowerLevels::to_send(std::string_view event_type, bool is_state) const noexcept {
  if (content_) {
    if (const json::Value own = content_["events"][event_type]) {
      if (const auto level = read_level(own, *version_)) {
        return PowerLevel{*level};
      }
    }
  }
  return to(is_state ? PowerAction::kStateDefault : PowerAction::kEventsDefault);
}

PowerLevel PowerLevels::to(PowerAction action) const noexcept {
  if (content_) {
    if (const auto level = level_at(kPropertyNames[static_cast<std::size_t>(action)])) {
      return PowerLevel{*level};
    }
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
  if (const json::Value level = content_["notifications"][key]) {
    if (const auto number = read_level(level, *version_)) {
      return PowerLevel{*number};
    }
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
