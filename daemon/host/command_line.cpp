// SPDX-License-Identifier: Apache-2.0
#include <host/command_line.hpp>

#include <fmt/format.h>

#include <optional>
#include <string_view>
#include <utility>

namespace lares::host {
namespace {

using Action = CommandLine::Action;

struct Switch {
  std::string_view name;
  Action action;
};

constexpr Switch kSwitches[] = {
    {"--list-plugins", Action::ListPlugins},
    {"--check-config", Action::CheckConfig},
    {"--generate-keys", Action::GenerateKeys},
    {"--version", Action::Version},
    {"--help", Action::Help},
    {"-h", Action::Help},
};

std::optional<Action> switch_for(std::string_view name) {
  for (const auto& candidate : kSwitches) {
    if (candidate.name == name) {
      return candidate.action;
    }
  }
  return std::nullopt;
}

}  // namespace

std::expected<CommandLine, std::string> parse_command_line(std::span<const char* const> arguments) {
  CommandLine result;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string_view name = arguments[i];
    std::optional<std::string_view> value;
    if (const auto equals = name.find('='); name.starts_with("--") && equals != std::string_view::npos) {
      value = name.substr(equals + 1);
      name = name.substr(0, equals);
    }
    if (const auto action = switch_for(name)) {
      if (value) {
        return std::unexpected(fmt::format("{} takes no value.", name));
      }
      if (result.action != Action::Run) {
        return std::unexpected(fmt::format("{} cannot be combined with what stands before it.", name));
      }
      result.action = *action;
      continue;
    }
    if (name == "--no-secrets-in-config" && !value) {
      result.inline_secrets = false;
      continue;
    }
    if (name != "-c" && name != "--config-path" && name != "--plugin-folder" && name != "--check-plugin") {
      return std::unexpected(fmt::format("The argument {} is unknown. See laresd --help.", arguments[i]));
    }
    if (!value) {
      if (++i == arguments.size()) {
        return std::unexpected(fmt::format("{} needs a path after it.", name));
      }
      value = arguments[i];
    }
    if (name == "--plugin-folder") {
      result.plugin_folders.emplace_back(*value);
    } else if (name == "--check-plugin") {
      result.action = Action::CheckPlugin;
      result.plugin = *value;
    } else {
      result.config_paths.emplace_back(*value);
    }
  }
  const bool needs_config = result.action == Action::Run || result.action == Action::CheckConfig ||
                            result.action == Action::GenerateKeys;
  if (needs_config && result.config_paths.empty()) {
    return std::unexpected(
        "No configuration is named. Start it as: laresd --config-path /etc/lares/homeserver.yaml");
  }
  return result;
}

std::string usage() {
  return R"(laresd runs one process of a Lares homeserver.

  laresd --config-path PATH [--config-path PATH]...
      Starts the server. PATH is a YAML file, or a folder whose *.yaml files are read in the order of their names; a
      later file replaces the top-level keys of an earlier one. -c is the same.
  laresd --check-config -c PATH...     says what is wrong with the configuration, and ends
  laresd --generate-keys -c PATH...    makes the signing key if there is none, and ends
  laresd --list-plugins [-c PATH...]   lists the plugins: name, version, what each provides and needs
  laresd --check-plugin FILE           loads one plugin or module and says what it is
  laresd --version                     says which build this is
  laresd --help                        prints this text

  --plugin-folder DIR                  takes plugins from here instead of the configured folders; may be repeated
  --no-secrets-in-config               refuses secrets that stand in the YAML files; KEY_path names a file of their own

Signals: SIGTERM and SIGINT finish what is under way, for at most `drain_timeout`, and end with 0; a second one ends at
once. SIGHUP reads the configuration again and reopens log files. Exit code 78: the configuration has to be changed.
)";
}

}  // namespace lares::host
