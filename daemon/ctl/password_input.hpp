// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace lares::ctl {

/// Asks for a new password twice when standard input is a terminal, without showing it; else reads one line.
/// **Errors**: std::runtime_error when the two differ, or nothing was given.
[[nodiscard]] std::string read_new_password();

}  // namespace lares::ctl
