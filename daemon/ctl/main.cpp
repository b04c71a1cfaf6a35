// SPDX-License-Identifier: Apache-2.0
#include <ctl/command.hpp>

#include <lares/base/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace {

using lares::ctl::Command;

constexpr int kExitUsage = 64;  // EX_USAGE of sysexits.h
constexpr int kExitFailure = 1;

void print_commands() {
  fmt::print("laresctl looks after a Lares homeserver.\n\n");
  for (const Command& command : lares::ctl::commands()) {
    const std::string usage =
        command.words.empty() ? std::string(command.name) : fmt::format("{} {}", command.name, command.words);
    fmt::print("  {:<24}{}\n", usage, command.meaning);
  }
  fmt::print("\nlaresctl COMMAND --help says more about one of them.\n");
}

void print_help(const Command& command) {
  fmt::print("laresctl {}{}{} [options]\n\n{}\n\n", command.name, command.words.empty() ? "" : " ",
             command.words, command.meaning);
  for (const auto& option : command.options) {
    const std::string name =
        fmt::format("{}{}{}{}{}", option.short_name, option.short_name.empty() ? "" : ", ", option.name,
                    option.value.empty() ? "" : " ", option.value);
    fmt::print("  {:<32}{}\n", name, option.meaning);
  }
}

/// The command that the arguments begin with, and how many of them name it.
const Command* find_command(const std::vector<std::string>& arguments, std::size_t& used) {
  for (const Command& command : lares::ctl::commands()) {
    const auto words = static_cast<std::size_t>(std::ranges::count(command.name, ' ')) + 1;
    if (arguments.size() < words) {
      continue;
    }
    const std::string given = words == 1 ? arguments[0] : fmt::format("{} {}", arguments[0], arguments[1]);
    if (given == command.name) {
      used = words;
      return &command;
    }
  }
  return nullptr;
}

int run(std::vector<std::string> arguments) {
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h" || arguments[0] == "help") {
    print_commands();
    return arguments.empty() ? kExitUsage : 0;
  }
  std::size_t used = 0;
  const Command* command = find_command(arguments, used);
  if (command == nullptr) {
    fmt::print(stderr, "laresctl: there is no command {}; see laresctl --help\n", arguments[0]);
    return kExitUsage;
  }
  arguments.erase(arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(used));
  if (std::ranges::find(arguments, "--help") != arguments.end() ||
      std::ranges::find(arguments, "-h") != arguments.end()) {
    print_help(*command);
    return 0;
  }
  const auto parsed = lares::ctl::parse_arguments(arguments, command->options);
  if (!parsed) {
    fmt::print(stderr, "laresctl {}: {}; see laresctl {} --help\n", command->name, parsed.error(),
               command->name);
    return kExitUsage;
  }
  if (parsed->words().size() != command->word_count) {
    fmt::print(stderr, "laresctl {}: expected {}; see laresctl {} --help\n", command->name,
               command->words.empty() ? "options only" : command->words, command->name);
    return kExitUsage;
  }
  return command->run(*parsed);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
  } catch (const lares::StartError& error) {
    if (*error.what() != '\0') {
      fmt::print(stderr, "laresctl: {}\n", error.what());
    }
    return error.exit_code();
  } catch (const std::exception& error) {
    fmt::print(stderr, "laresctl: {}\n", error.what());
    return kExitFailure;
  }
}
