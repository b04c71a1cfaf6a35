// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/stream/stream_number.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace lares::presence {

enum class State : std::uint8_t { kOffline, kUnavailable, kOnline };

[[nodiscard]] std::string_view to_string(State state) noexcept;
[[nodiscard]] std::optional<State> parse_state(std::string_view text) noexcept;

/// A user's presence as it was announced.
struct PresenceState {
  std::int64_t user = 0;
  std::string user_id;
  State state = State::kOffline;
  std::int64_t last_active_ts = 0;  ///< 0: not known
  std::string status_msg;
  bool currently_active = false;
  std::int64_t position = 0;
  stream::WriterNumber writer = 0;
};

using PresencePtr = std::shared_ptr<const PresenceState>;

/// The content of `m.presence`. spec: Client-Server API, "Presence"
[[nodiscard]] std::string content_of(const PresenceState& presence, std::int64_t now_ts);
/// The row as it travels: user, state, last active, last federation update, last sync, status, currently
/// active.
[[nodiscard]] std::string row_of(const PresenceState& presence);
/// Without numbers and position.
[[nodiscard]] std::optional<PresenceState> read_row(std::string_view row);

}  // namespace lares::presence
