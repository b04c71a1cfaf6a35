// SPDX-License-Identifier: Apache-2.0
#include <host/caches.hpp>
#include <host/host.hpp>

namespace lares::host {

void declare_host_keys(Declarations& declarations) {
  Caches::declare(declarations);
  declarations.config(
      {.path = "plugin_folders",
       .type = ConfigType::Strings,
       .default_value = "[]",
       .meaning = "Folders with the server's plugins, as full paths; empty for where Lares was installed."});
  declarations.config(
      {.path = "module_folders",
       .type = ConfigType::Strings,
       .default_value = "[]",
       .meaning = "Folders in which modules are looked up by name; empty for where Lares was installed."});
  declarations.config({.path = "modules",
                       .type = ConfigType::List,
                       .default_value = "[]",
                       .meaning = "Modules to load, in the order in which they are asked."});
  declarations.config({.path = "modules[].module",
                       .type = ConfigType::String,
                       .default_value = "",
                       .meaning = "Name of a module in the module folders, or the full path of its file."});
  declarations.config({.path = "modules[].config",
                       .type = ConfigType::Map,
                       .default_value = "{}",
                       .meaning = "What the module reads; its own documentation says which keys it has."});
  declarations.config(
      {.path = "modules[].timeout",
       .type = ConfigType::Duration,
       .default_value = "2s",
       .meaning = "How long an answer of the module is waited for, before its default counts.",
       .minimum = 1,
       .maximum = 60'000});
  declarations.config(
      {.path = "modules[].own_process",
       .type = ConfigType::Bool,
       .default_value = "false",
       .meaning = "Whether the module runs in a process of its own, whose end cannot harm the server."});
  declarations.config({.path = "start_timeout",
                       .type = ConfigType::Duration,
                       .default_value = "2m",
                       .meaning = "How long one plugin may take to start.",
                       .minimum = 1000});
  declarations.config({.path = "drain_timeout",
                       .type = ConfigType::Duration,
                       .default_value = "30s",
                       .meaning = "How long requests in flight may take to finish after SIGTERM.",
                       .reload = Reload::Live,
                       .minimum = 0});
  declarations.config(
      {.path = "soft_file_limit",
       .type = ConfigType::Integer,
       .default_value = "0",
       .meaning = "How many files and connections the process may have open at a time; 0 for as many as the "
                  "system's hard limit allows.",
       .minimum = 0,
       .maximum = 1'000'000'000});
  declarations.config({.path = "pid_file",
                       .type = ConfigType::String,
                       .default_value = "null",
                       .meaning = "File that holds the process's number while it runs; none if not set."});
}

}  // namespace lares::host
