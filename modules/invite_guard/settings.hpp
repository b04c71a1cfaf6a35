// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace invite_guard {

/// How often one user may do something.
struct Limit {
  std::int64_t count = 0;  ///< 0: without limit
  std::int64_t window_ms = 3'600'000;
};

/// The `config` section.
struct Settings {
  Limit invites;
  Limit rooms;
  std::vector<std::string> exempt_users;  ///< patterns of user ids that no rule holds for
  std::vector<std::string>
      allowed_servers;  ///< patterns of servers whose users may be invited and may invite; empty for all
  std::vector<std::string> denied_servers;  ///< patterns of servers whose users may not
  std::vector<std::string> denied_words;    ///< patterns of words that no message may contain
};

/// Reads the section. **Errors**: lares::module::ConfigError naming the key and what was expected.
[[nodiscard]] Settings read_settings(std::string_view json);

}  // namespace invite_guard
