// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ctl/arguments.hpp>

#include <string_view>
#include <vector>

namespace lares::ctl {

/// One command of laresctl.
struct Command {
  std::string_view name;     ///< "config check"
  std::string_view words;    ///< what it takes besides options, for the help: "KEY"
  std::string_view meaning;  ///< one sentence
  std::vector<Option> options;
  std::size_t word_count;  ///< how many words it takes
  /// Does it and gives the exit code. **Errors**: StartError; anything thrown is said on standard error.
  int (*run)(const Arguments& arguments);
};

/// All commands, in the order of the help.
[[nodiscard]] const std::vector<Command>& commands();

// Each stands in a file of its name.
[[nodiscard]] Command config_check_command();
[[nodiscard]] Command config_explain_command();
[[nodiscard]] Command config_generate_command();
[[nodiscard]] Command config_reference_command();
[[nodiscard]] Command hash_password_command();
[[nodiscard]] Command register_user_command();
[[nodiscard]] Command routes_command();
[[nodiscard]] Command proxy_command();

}  // namespace lares::ctl
