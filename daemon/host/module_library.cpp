// SPDX-License-Identifier: Apache-2.0
#include <host/library_loading.hpp>
#include <host/module_check.hpp>
#include <host/module_library.hpp>
#include <host/plugin_library.hpp>

#include <lares/base/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <utility>

namespace lares::host {

namespace fs = std::filesystem;

fs::path find_module(std::string_view module, const std::vector<fs::path>& folders) {
  const fs::path path(module);
  if (path.is_absolute()) {
    check_place(path, {path.parent_path()});
    return path;
  }
  if (module.empty() || path.has_parent_path()) {
    throw StartError(
        fmt::format("\"{}\" is neither the name of a module nor the full path of its file.", module));
  }
  std::vector<std::string> looked;
  for (const auto& folder : folders) {
    auto file = folder / (std::string(module) + ".so");
    std::error_code error;
    if (fs::exists(file, error)) {
      check_place(file, folders);
      return file;
    }
    looked.push_back(file.string());
  }
  throw StartError(
      fmt::format("there is no module \"{}\": {} does not exist. Install it, or correct its name.", module,
                  fmt::join(looked, " and ")));
}

PluginNote check_module(const fs::path& file) {
  auto note = read_note(file);
  if (!note) {
    throw StartError(note.error());
  }
  if (note->tier != "module") {
    refuse(file, "it is a plugin of the server, not a module",
           "Take it out of `modules`; plugins are found by themselves.");
  }
  if (note->abi_major != LARES_MODULE_ABI_MAJOR) {
    refuse(file,
           fmt::format("it was built for module ABI {}, and this server has ABI {}", note->abi_major,
                       LARES_MODULE_ABI_MAJOR),
           note->abi_major < LARES_MODULE_ABI_MAJOR ? "Install a newer release of the module."
                                                    : "Install a newer release of Lares.");
  }
  if (file.stem() != note->name) {
    refuse(file, fmt::format("it calls itself \"{}\"", note->name),
           fmt::format("Rename it to {}.so.", note->name));
  }
  return *std::move(note);
}

ModuleLibrary::ModuleLibrary(const fs::path& file) : note_(check_module(file)), library_(load_library(file)) {
  descriptor_ = library_.has(LARES_MODULE_DESCRIPTOR_SYMBOL)
                    ? &library_.get<const lares_module_descriptor>(LARES_MODULE_DESCRIPTOR_SYMBOL)
                    : nullptr;
  if (const auto fault = fault_of(descriptor_, note_.name)) {
    refuse(file, fault->reason, fault->remedy);
  }
}

ModuleLibrary::~ModuleLibrary() {
  if (library_.is_loaded()) {
    keep_loaded(std::move(library_));
  }
}

void ModuleLibrary::close() noexcept {
  if ((descriptor_->flags & LARES_MODULE_MAY_CLOSE) != 0) {
    library_.unload();
  }
}

}  // namespace lares::host
