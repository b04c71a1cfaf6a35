// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <host/plugin_library.hpp>

#include <filesystem>
#include <string_view>
#include <vector>

namespace lares::host {

class DeclarationsImpl;

/// The libraries of the plugin folders: found, checked and loaded once per process, in the order of their
/// names.
///
/// **Threads**: one while it is made; read-only afterwards, from any.
/// **Lifetime**: that of the process. Libraries are never unloaded, since threads, exceptions and vtables may
/// refer to them.
class Catalogue {
 public:
  /// Loads every `*.so` of `folders`. A folder that does not exist is an error; one without plugins is not.
  /// **Errors**: StartError with one line for each file that is refused, naming file, reason and remedy.
  explicit Catalogue(const std::vector<std::filesystem::path>& folders);

  [[nodiscard]] const std::vector<PluginLibrary>& plugins() const noexcept { return plugins_; }
  [[nodiscard]] const PluginLibrary* find(std::string_view name) const noexcept;

  /// Lets every plugin declare its configuration keys and tables.
  void declare(DeclarationsImpl& declarations) const;

 private:
  std::vector<PluginLibrary> plugins_;
};

/// Lets one plugin declare. **Errors**: StartError naming the file if it throws or contradicts another.
void declare_plugin(const PluginLibrary& plugin, DeclarationsImpl& declarations);

/// The `*.so` of a folder. **Errors**: StartError if the path is relative or the folder cannot be read.
[[nodiscard]] std::vector<std::filesystem::path> libraries_in(const std::filesystem::path& folder);

/// The `*.so` of these folders, by name; a folder that is named twice counts once. What is wrong with a
/// folder (its path is relative, or it cannot be read) is added to `errors`.
[[nodiscard]] std::vector<std::filesystem::path> plugin_files(
    const std::vector<std::filesystem::path>& folders, std::vector<std::string>& errors);

/// Whether two files are plugins of one name, of which only one can be loaded; and the sentence about it.
[[nodiscard]] bool same_name(const std::filesystem::path& one, const std::filesystem::path& other);
[[nodiscard]] std::string two_of_one_name(const std::filesystem::path& first,
                                          const std::filesystem::path& second);

/// Where plugins are when the command line names no folder: `lib/lares/plugins` beside the folder of the
/// running program, both in a build tree and as installed.
[[nodiscard]] std::filesystem::path default_plugin_folder();
/// The same for modules.
[[nodiscard]] std::filesystem::path default_module_folder();

}  // namespace lares::host
