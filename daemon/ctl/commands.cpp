// SPDX-License-Identifier: Apache-2.0
#include <ctl/command.hpp>

namespace lares::ctl {

const std::vector<Command>& commands() {
  static const std::vector<Command> all = {
      config_check_command(), config_explain_command(), config_generate_command(), config_reference_command(),
      routes_command(),       proxy_command(),          hash_password_command(),   register_user_command(),
  };
  return all;
}

}  // namespace lares::ctl
