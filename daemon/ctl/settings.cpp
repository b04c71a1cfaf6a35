// SPDX-License-Identifier: Apache-2.0
#include <ctl/settings.hpp>

#include <filesystem>

namespace lares::ctl {

host::CommandLine command_line(const Arguments& arguments) {
  host::CommandLine result;
  for (const auto& path : arguments.values("--config-path")) {
    result.config_paths.emplace_back(path);
  }
  for (const auto& folder : arguments.values("--plugin-folder")) {
    result.plugin_folders.push_back(std::filesystem::absolute(folder));
  }
  if (result.config_paths.empty()) {
    for (const std::filesystem::path path : {"/etc/lares/homeserver.yaml", "/etc/lares/conf.d"}) {
      if (std::error_code error; std::filesystem::exists(path, error)) {
        result.config_paths.push_back(path);
      }
    }
  }
  return result;
}

host::Host load_host(const host::CommandLine& command_line) {
  return host::Host({.plugin_folders = host::plugin_folders(command_line)});
}

}  // namespace lares::ctl
