// SPDX-License-Identifier: Apache-2.0
#include "settings.hpp"

#include <lares/module/json.hpp>
#include <lares/module/module.hpp>

#include <algorithm>
#include <initializer_list>

namespace invite_guard {
namespace {

using lares::module::ConfigError;
using lares::module::Json;

constexpr std::size_t kMaxPatterns = 10'000;
constexpr std::size_t kMaxPatternBytes = 255;

void only(const Json& object, const std::string& place, std::initializer_list<std::string_view> known) {
  if (object.object() == nullptr) {
    throw ConfigError(place + ": expected a mapping");
  }
  for (const auto& [key, value] : *object.object()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      throw ConfigError(place + "." + key + ": there is no such key");
    }
  }
}

std::int64_t whole(const Json& object, const std::string& place, std::string_view key, std::int64_t fallback,
                   std::int64_t least) {
  const Json* value = object.find(key);
  if (value == nullptr) {
    return fallback;
  }
  const auto number = value->integer();
  if (!number || *number < least || *number > 1'000'000'000) {
    throw ConfigError(place + "." + std::string(key) + ": expected a whole number from " +
                      std::to_string(least) + " to 1000000000");
  }
  return *number;
}

Limit limit(const Json& config, const std::string& key) {
  const Json* section = config.find(key);
  if (section == nullptr) {
    return {};
  }
  const auto place = "config." + key;
  only(*section, place, {"per_user", "seconds"});
  return {whole(*section, place, "per_user", 0, 0), whole(*section, place, "seconds", 3600, 1) * 1000};
}

std::vector<std::string> patterns(const Json& config, std::string_view key) {
  const Json* list = config.find(key);
  std::vector<std::string> result;
  if (list == nullptr) {
    return result;
  }
  const auto place = "config." + std::string(key);
  if (list->array() == nullptr || list->array()->size() > kMaxPatterns) {
    throw ConfigError(place + ": expected a list of at most 10000 texts");
  }
  for (const Json& item : *list->array()) {
    if (item.string() == nullptr || item.string()->empty() || item.string()->size() > kMaxPatternBytes) {
      throw ConfigError(place + ": expected texts of 1 to 255 bytes");
    }
    result.push_back(*item.string());
  }
  return result;
}

}  // namespace

Settings read_settings(std::string_view json) {
  const auto config = Json::parse(json);
  if (!config) {
    throw ConfigError("config: expected a mapping");
  }
  only(*config, "config",
       {"invites", "rooms", "exempt_users", "allowed_servers", "denied_servers", "denied_words"});
  Settings settings;
  settings.invites = limit(*config, "invites");
  settings.rooms = limit(*config, "rooms");
  settings.exempt_users = patterns(*config, "exempt_users");
  settings.allowed_servers = patterns(*config, "allowed_servers");
  settings.denied_servers = patterns(*config, "denied_servers");
  settings.denied_words = patterns(*config, "denied_words");
  return settings;
}

}  // namespace invite_guard
