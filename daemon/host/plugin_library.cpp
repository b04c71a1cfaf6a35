// SPDX-License-Identifier: Apache-2.0
#include <host/library_loading.hpp>
#include <host/plugin_library.hpp>

#include <lares/base/error.hpp>
#include <lares/plugin/fingerprint.hpp>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <string_view>

namespace lares::host {
namespace {

namespace fs = std::filesystem;

bool same(const char* text, std::string_view expected) {
  return text != nullptr && text == expected;
}

}  // namespace

void check_note(const fs::path& file, const PluginNote& note) {
  if (note.tier != "in-tree") {
    refuse(file,
           fmt::format("it is a {}, not a plugin of the server", note.tier.empty() ? "library" : note.tier),
           "Move it to the modules folder and name it under `modules` in the configuration.");
  }
  if (note.abi_major != plugin::kAbiMajor) {
    refuse(file,
           fmt::format("it was built for plugin ABI {}, and this is ABI {} ({} is the older)", note.abi_major,
                       plugin::kAbiMajor, note.abi_major < plugin::kAbiMajor ? "the plugin" : "the server"),
           "Install plugins and server of the same release.");
  }
  if (note.fingerprint != build_fingerprint()) {
    refuse(file,
           fmt::format("it comes from another build: it says \"{}\", the server says \"{}\"",
                       note.fingerprint, build_fingerprint()),
           "Install plugins and server from the same build; after a rebuild, install both.");
  }
  if (file.stem() != note.name) {
    refuse(file, fmt::format("it calls itself \"{}\"", note.name),
           fmt::format("Rename it to {}.so, or remove it if that is there too.", note.name));
  }
}

void check_place(const fs::path& file, const std::vector<fs::path>& folders) {
  if (!file.is_absolute()) {
    refuse(file, "it is a relative path, which would mean another file in another folder",
           "Name it by its full path.");
  }
  std::error_code error;
  const auto real = fs::canonical(file, error);
  if (error) {
    refuse(file, fmt::format("it cannot be opened: {}", error.message()),
           "Correct the path, or install the file.");
  }
  bool inside = false;
  for (const auto& folder : folders) {
    const auto real_folder = fs::weakly_canonical(folder, error);
    const auto [end, rest] = std::mismatch(real_folder.begin(), real_folder.end(), real.begin(), real.end());
    inside = inside || (!error && end == real_folder.end());
  }
  if (!inside) {
    refuse(file,
           real == file ? std::string("it is outside the configured folders")
                        : fmt::format("it leads to {}, outside the configured folders", real.string()),
           "Copy it into a configured folder, or configure its folder.");
  }
  struct stat status{};
  if (::stat(real.c_str(), &status) != 0) {
    refuse(file, fmt::format("it cannot be opened: {}", std::strerror(errno)), "Correct its permissions.");
  }
  if (!S_ISREG(status.st_mode)) {
    refuse(file, "it is no regular file", "Remove it from the folder.");
  }
  if ((status.st_mode & S_IWOTH) != 0) {
    refuse(file, "anyone on this machine can write to it", fmt::format("Run: chmod o-w {}", real.string()));
  }
  if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
    refuse(file, "it belongs to another user, who could change it while the server runs",
           fmt::format("Run: chown root {}", real.string()));
  }
  struct stat folder_status{};
  if (::stat(real.parent_path().c_str(), &folder_status) == 0 && (folder_status.st_mode & S_IWOTH) != 0 &&
      (folder_status.st_mode & S_ISVTX) == 0) {
    refuse(file, "anyone on this machine can put another file in its place",
           fmt::format("Run: chmod o-w {}", real.parent_path().string()));
  }
}

PluginLibrary PluginLibrary::load(const fs::path& file, const std::vector<fs::path>& folders) {
  check_place(file, folders);
  auto note = read_note(file);
  if (!note) {
    throw StartError(note.error());
  }
  check_note(file, *note);

  PluginLibrary result;
  result.file_ = file;
  result.note_ = *std::move(note);
  auto library = load_library(file);
  if (!library.has(plugin::kDescriptorSymbol)) {
    refuse(file, fmt::format("it has a note but does not export `{}`", plugin::kDescriptorSymbol),
           "Export the descriptor with LARES_PLUGIN and build it again.");
  }
  const auto& descriptor = library.get<const plugin::Descriptor>(plugin::kDescriptorSymbol);
  if (descriptor.magic != plugin::kMagic || descriptor.struct_size != sizeof(plugin::Descriptor) ||
      descriptor.abi_major != plugin::kAbiMajor || descriptor.tier != plugin::Tier::InTree ||
      !same(descriptor.fingerprint, build_fingerprint()) || !same(descriptor.name, result.note_.name)) {
    refuse(file, "its descriptor contradicts its note",
           "It was not made with LARES_PLUGIN, or is damaged: install it again.");
  }
  if (descriptor.create == nullptr || descriptor.destroy == nullptr) {
    refuse(file, "its descriptor has no `create` or no `destroy`", "Correct the plugin and build it again.");
  }
  result.descriptor_ = &descriptor;
  keep_loaded(std::move(library));
  return result;
}

}  // namespace lares::host
