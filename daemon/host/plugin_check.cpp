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
  std::vector<std::string> faults;
  const auto files = plugin_files(plugin_folders(command_line), faults);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto note = read_note(files[i]);
    if (!note) {
      faults.push_back(note.error());
      continue;
    }
    const auto faults_before = faults.size();
    try {
      check_note(files[i], *note);
    } catch (const StartError& error) {
      faults.emplace_back(error.what());
    }
    if (i > 0 && same_name(files[i - 1], files[i])) {
      faults.push_back(two_of_one_name(files[i - 1], files[i]));
    }
    fmt::print("{}{}\n", described(*note), faults.size() > faults_before ? "; refused" : "");
  }
  for (const auto& fault : faults) {
    fmt::print(stderr, "laresd: {}\n", fault);
  }
  return faults.empty() ? 0 : kExitConfig;
}

}  // namespace lares::host
