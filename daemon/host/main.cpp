// SPDX-License-Identifier: Apache-2.0
#include <host/command_line.hpp>
#include <host/daemon.hpp>
#include <host/early_hangup.hpp>

#include <lares/base/error.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <span>

int main(int argc, char** argv) {
  const auto arguments = std::span<const char* const>(argv, static_cast<std::size_t>(argc));
  const auto command_line =
      lares::host::parse_command_line(arguments.empty() ? arguments : arguments.subspan(1));
  if (!command_line) {
    fmt::print(stderr, "laresd: {}\n", command_line.error());
    return lares::kExitConfig;
  }
  if (command_line->action == lares::host::CommandLine::Action::Run) {
    lares::host::expect_hangups();
  }
  return lares::host::run(*command_line);
}
