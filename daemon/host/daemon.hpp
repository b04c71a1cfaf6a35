// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <host/command_line.hpp>

namespace lares::host {

/// Does what the command line asks for and gives the process's exit code: 0, 1 where trying again may help,
/// 78 where the configuration has to be changed. What is wrong is said on standard error, one line each.
///
/// **Threads**: the main one. **Errors**: none.
[[nodiscard]] int run(const CommandLine& command_line) noexcept;

}  // namespace lares::host
