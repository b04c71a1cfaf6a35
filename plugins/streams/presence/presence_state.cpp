// SPDX-License-Identifier: Apache-2.0
#include "presence_state.hpp"

#include <lares/json/value.hpp>
#include <lares/json/writer.hpp>

#include <algorithm>
#include <utility>

namespace lares::presence {

std::string_view to_string(State state) noexcept {
  switch (state) {
    case State::kOnline:
      return "online";
    case State::kUnavailable:
      return "unavailable";
    case State::kOffline:
      break;
  }
  return "offline";
}

std::optional<State> parse_state(std::string_view text) noexcept {
  for (const State state : {State::kOnline, State::kUnavailable, State::kOffline}) {
    if (text == to_string(state)) {
      return state;
    }
  }
  return std::nullopt;
}

std::string content_of(const PresenceState& presence, std::int64_t now_ts) {
  std::string out;
  json::Writer writer{out};
  writer.begin_object();
  if (presence.state == State::kOnline) {
    writer.key("currently_active").value(presence.currently_active);
  }
  if (presence.last_active_ts != 0) {
    writer.key("last_active_ago").value(std::max<std::int64_t>(0, now_ts - presence.last_active_ts));
  }
  writer.key("presence").value(to_string(presence.state));
  if (!presence.status_msg.empty()) {
    writer.key("status_msg").value(presence.status_msg);
  }
  writer.end_object();
  return out;
}

std::string row_of(const PresenceState& presence) {
  std::string out;
  json::Writer writer{out};
  writer.begin_array().value(presence.user_id).value(to_string(presence.state));
  writer.value(presence.last_active_ts).value(0).value(0);
  if (presence.status_msg.empty()) {
    writer.null();
  } else {
    writer.value(presence.status_msg);
  }
  writer.value(presence.currently_active).end_array();
  return out;
}

std::optional<PresenceState> read_row(std::string_view row) {
  PresenceState presence;
  int field = 0;
  for (const json::Value value : json::Value{row}.elements()) {
    switch (field++) {
      case 0:
        presence.user_id = value.to_string().value_or("");
        break;
      case 1:
        presence.state = parse_state(value.to_string().value_or("")).value_or(State::kOnline);
        break;
      case 2:
        presence.last_active_ts = value.as_int64().value_or(0);
        break;
      case 5:
        presence.status_msg = value.to_string().value_or("");
        break;
      case 6:
        presence.currently_active = value.as_bool().value_or(false);
        break;
      default:
        break;
    }
  }
  return presence.user_id.empty() ? std::nullopt : std::optional{std::move(presence)};
}

}  // namespace lares::presence
