// SPDX-License-Identifier: Apache-2.0
#include <host/catalogue.hpp>
#include <host/declarations_impl.hpp>
#include <host/host.hpp>
#include <host/module_library.hpp>
#include <host/plugin_check.hpp>
#include <host/plugin_library.hpp>
#include <host/settings.hpp>

#include <lares/base/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

namespace lares::host {
namespace {

std::string described(const PluginNote& note) {
  std::string line = fmt::format("{} {}", note.name, note.version);
  const auto add = [&line](const char* verb, const std::vector<std::string>& ids) {
    if (!ids.empty()) {
      line += fmt::format("; {} {}", verb, fmt::join(ids, ", "));
    }
  };
  add("provides", note.provides);
  add("needs", note.needs);
  add("uses", note.uses);
  return line;
}

}  // namespace

int check_plugin(const std::filesystem::path& file) {
  check_place(file, {file.parent_path()});
  if (const auto note = read_note(file); note && note->tier == "module") {
    const ModuleLibrary library(file);
    fmt::print("{}; a module of ABI {}.{}.\n", described(library.note()), library.descriptor().abi_major,
               library.descriptor().abi_minor);
    return 0;
  }
  const auto library = PluginLibrary::load(file, {file.parent_path()});
  DeclarationsImpl declarations;
  declare_plugin(library, declarations);
  const auto problems = storage::check_schemas(declarations.schemas());
  if (!problems.empty()) {
    throw StartError(fmt::format("{}: {}", file.string(), fmt::join(problems, "\n")));
  }
  std::size_t tables = 0;
  for (const auto& schema : declarations.schemas()) {
    tables += schema.tables.size();
  }
  fmt::print("{}; declares {} configuration keys and {} tables.\n", described(library.note()),
             declarations.keys().all().size(), tables);
  return 0;
}

int list_plugins(const CommandLine& command_line) {
  int exit_code = 0;
  for (const auto& folder : plugin_folders(command_line)) {
    for (const auto& file : libraries_in(folder)) {
      const auto note = read_note(file);
      if (note) {
        fmt::print("{}\n", described(*note));
      } else {
        fmt::print(stderr, "laresd: {}\n", note.error());
        exit_code = kExitConfig;
      }
    }
  }
  return exit_code;
}

}  // namespace lares::host
