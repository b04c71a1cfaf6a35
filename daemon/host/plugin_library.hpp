// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <host/plugin_note.hpp>

#include <lares/plugin/descriptor.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace lares::host {

/// One in-tree plugin's library, checked and loaded.
///
/// **Lifetime**: the library stays loaded when this object goes.
class PluginLibrary {
 public:
  /// Checks the file's place, its note and its descriptor, in this order; code of it runs only after the note
  /// was found right. `folders` are those that plugins may lie in.
  /// **Errors**: StartError with a sentence that names file, reason and remedy.
  static PluginLibrary load(const std::filesystem::path& file,
                            const std::vector<std::filesystem::path>& folders);

  [[nodiscard]] const std::filesystem::path& file() const noexcept { return file_; }
  [[nodiscard]] const PluginNote& note() const noexcept { return note_; }
  [[nodiscard]] const std::string& name() const noexcept { return note_.name; }
  [[nodiscard]] const plugin::Descriptor& descriptor() const noexcept { return *descriptor_; }

 private:
  PluginLibrary() = default;

  std::filesystem::path file_;
  PluginNote note_;
  const plugin::Descriptor* descriptor_ = nullptr;
};

/// Checks that a note is that of a plugin of this very build and that its file bears its name.
/// **Errors**: StartError as above.
void check_note(const std::filesystem::path& file, const PluginNote& note);

/// Checks that a library may be loaded from where it is: an absolute path, a regular file below one of
/// `folders` after symbolic links are followed, owned by root or this user, and writable by nobody else.
/// **Errors**: StartError as above.
void check_place(const std::filesystem::path& file, const std::vector<std::filesystem::path>& folders);

}  // namespace lares::host
