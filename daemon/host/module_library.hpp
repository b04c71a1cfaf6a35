// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <host/plugin_note.hpp>

#include <lares/module/module.h>

#include <boost/dll/shared_library.hpp>

#include <filesystem>
#include <string_view>
#include <vector>

namespace lares::host {

/// The file of a module by what the configuration calls it: a name, looked up in the folders, or a full path.
/// **Errors**: StartError naming what was looked for and where.
[[nodiscard]] std::filesystem::path find_module(std::string_view module,
                                                const std::vector<std::filesystem::path>& folders);

/// Checks a module's file and its note; nothing of it runs.
/// **Errors**: StartError naming file, reason and remedy.
[[nodiscard]] PluginNote check_module(const std::filesystem::path& file);

/// A module's library, checked and loaded.
///
/// **Lifetime**: the file stays loaded for the rest of the process unless the module says MAY_CLOSE and
/// close() was called.
class ModuleLibrary {
 public:
  /// **Errors**: StartError naming file, reason and remedy.
  explicit ModuleLibrary(const std::filesystem::path& file);
  ModuleLibrary(ModuleLibrary&&) = default;
  ModuleLibrary& operator=(ModuleLibrary&&) = default;
  ~ModuleLibrary();

  [[nodiscard]] const lares_module_descriptor& descriptor() const noexcept { return *descriptor_; }
  [[nodiscard]] const PluginNote& note() const noexcept { return note_; }

  /// The last instance was destroyed: closes the file where the module allows it.
  void close() noexcept;

 private:
  PluginNote note_;
  boost::dll::shared_library library_;
  const lares_module_descriptor* descriptor_ = nullptr;
};

}  // namespace lares::host
