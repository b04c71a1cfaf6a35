// SPDX-License-Identifier: Apache-2.0
#include <config/host_key_groups.hpp>

#include <string>
#include <string_view>

namespace lares::config {

namespace {

struct Limit {
  std::string_view path;
  std::string_view per_second;
  std::string_view burst_count;
  std::string_view what;
};

// The figures are those that administrators know from Synapse.
constexpr Limit kLimits[] = {
    {"rc_message", "0.2", "10", "events that a user sends"},
    {"rc_registration", "0.17", "3", "registrations from an address"},
    {"rc_registration_token_validity", "0.1", "5", "checks of registration tokens from an address"},
    {"rc_login.address", "0.003", "5", "logins from an address"},
    {"rc_login.account", "0.003", "5", "logins to an account"},
    {"rc_login.failed_attempts", "0.17", "3", "failed logins to an account"},
    {"rc_joins.local", "0.1", "10", "joins of a user to rooms that this server is in"},
    {"rc_joins.remote", "0.01", "10", "joins of a user to rooms that this server is not in yet"},
    {"rc_joins_per_room", "1", "10", "joins to a room"},
    {"rc_3pid_validation", "0.003", "5", "validations of a mail address or telephone number"},
    {"rc_invites.per_room", "0.3", "10", "invites to a room"},
    {"rc_invites.per_user", "0.003", "5", "invites that reach a user"},
    {"rc_invites.per_issuer", "0.3", "10", "invites that a user sends"},
    {"rc_third_party_invite", "0.2", "10", "invites by mail address that a user sends"},
    {"rc_media_create", "10", "50", "media ids that a user asks for"},
    {"rc_presence.per_user", "0.1", "1", "changes of a user's presence"},
    {"rc_delayed_event_mgmt", "1", "5", "requests about a user's delayed events"},
    {"rc_reports", "1", "5", "reports that a user sends"},
    {"rc_room_creation", "0.016", "10", "rooms that a user creates"},
    {"rc_user_directory", "0.016", "200", "directory searches of a user"},
    {"rc_key_requests", "20", "100", "to-device key requests of a device"},
};

void declare_limit(KeySet& keys, const Limit& limit) {
  const std::string path(limit.path);
  keys.add("host",
           {.path = path + ".per_second",
            .type = ConfigType::Number,
            .default_value = std::string(limit.per_second),
            .meaning = "How many " + std::string(limit.what) + " are let through a second, in the long run.",
            .reload = Reload::Live,
            .minimum = 0});
  keys.add("host", {.path = path + ".burst_count",
                    .type = ConfigType::Number,
                    .default_value = std::string(limit.burst_count),
                    .meaning = "How many " + std::string(limit.what) + " are let through at once.",
                    .reload = Reload::Live,
                    .minimum = 0});
}

void declare_federation_limit(KeySet& keys) {
  const auto add = [&](std::string name, ConfigType type, std::string value, std::string meaning) {
    keys.add("host", {.path = "rc_federation." + name,
                      .type = type,
                      .default_value = std::move(value),
                      .meaning = std::move(meaning),
                      .reload = Reload::Live,
                      .minimum = 0});
  };
  add("window_size", ConfigType::Duration, "1000",
      "The time over which requests of another server are counted.");
  add("sleep_limit", ConfigType::Integer, "10",
      "Requests in that time before the following ones are delayed.");
  add("sleep_delay", ConfigType::Duration, "500", "By how much they are delayed.");
  add("reject_limit", ConfigType::Integer, "50",
      "Requests that may wait before the following ones are refused.");
  add("concurrent", ConfigType::Integer, "3", "Requests of one server that are served at a time.");
}

}  // namespace

void declare_rate_limit_keys(KeySet& keys) {
  keys.add("host", {.path = "rate_limits",
                    .type = ConfigType::Bool,
                    .default_value = "true",
                    .meaning = "Whether the rc_* limits hold; false switches every one of them off.",
                    .reload = Reload::Live});
  for (const Limit& limit : kLimits) {
    declare_limit(keys, limit);
  }
  for (const std::string name : {"per_second", "burst_count"}) {
    keys.add("host", {.path = "rc_admin_redaction." + name,
                      .type = ConfigType::Number,
                      .default_value = "null",
                      .meaning = "As rc_message." + name +
                                 ", for redactions by administrators of rooms; the same if not set.",
                      .reload = Reload::Live,
                      .minimum = 0});
  }
  declare_federation_limit(keys);
}

}  // namespace lares::config
