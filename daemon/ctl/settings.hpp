// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ctl/arguments.hpp>

#include <host/command_line.hpp>
#include <host/settings.hpp>

namespace lares::ctl {

inline constexpr Option kConfigPath{"--config-path", "-c", "PATH",
                                    "file or folder of the configuration, as often as needed; by default "
                                    "/etc/lares/homeserver.yaml and /etc/lares/conf.d"};
inline constexpr Option kPluginFolder{"--plugin-folder", "", "FOLDER",
                                      "where the server's plugins are; by default where Lares was installed"};

/// What laresd would be told by these options; with the default paths where none is given.
[[nodiscard]] host::CommandLine command_line(const Arguments& arguments);

/// The plugins, loaded for their declarations. Of the configuration only what names their folders is looked
/// at.
/// **Errors**: StartError.
[[nodiscard]] host::Host load_host(const host::CommandLine& command_line);

}  // namespace lares::ctl
