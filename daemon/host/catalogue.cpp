// SPDX-License-Identifier: Apache-2.0
#include <host/catalogue.hpp>
#include <host/declarations_impl.hpp>

#include <lares/base/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <ranges>
#include <utility>

namespace lares::host {
namespace {

namespace fs = std::filesystem;

fs::path beside_program(const char* kind) {
  std::error_code error;
  const auto program = fs::read_symlink("/proc/self/exe", error);
  const auto prefix = program.parent_path().parent_path();
  const auto installed = prefix / LARES_LIBDIR / "lares" / kind;
  return fs::exists(installed, error) ? installed : prefix / "lib" / "lares" / kind;
}

}  // namespace

fs::path default_plugin_folder() {
  return beside_program("plugins");
}

fs::path default_module_folder() {
  return beside_program("modules");
}

std::vector<fs::path> libraries_in(const fs::path& folder) {
  if (!folder.is_absolute()) {
    throw StartError(fmt::format("{}: plugin folders are named by their full path. Correct `plugin_folders`.",
                                 folder.string()));
  }
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".so") {
      files.push_back(entry->path());
    }
  }
  if (error) {
    throw StartError(fmt::format(
        "{}: the plugin folder cannot be read: {}. Correct `plugin_folders` or install Lares again.",
        folder.string(), error.message()));
  }
  return files;
}

std::vector<fs::path> plugin_files(const std::vector<fs::path>& folders, std::vector<std::string>& errors) {
  std::vector<fs::path> files;
  std::vector<fs::path> seen;
  for (const auto& folder : folders) {
    std::error_code error;
    auto real = fs::canonical(folder, error);
    if (!error && std::ranges::find(seen, real) != seen.end()) {
      continue;
    }
    seen.push_back(std::move(real));
    try {
      std::ranges::move(libraries_in(folder), std::back_inserter(files));
    } catch (const StartError& failure) {
      errors.emplace_back(failure.what());
    }
  }
  std::ranges::sort(files, {}, [](const fs::path& file) { return std::pair(file.filename(), file); });
  return files;
}

bool same_name(const fs::path& one, const fs::path& other) {
  return one.filename() == other.filename();
}

std::string two_of_one_name(const fs::path& first, const fs::path& second) {
  return fmt::format("{}: a plugin \"{}\" is in {} too. Remove one of them.", second.string(),
                     second.stem().string(), first.parent_path().string());
}

Catalogue::Catalogue(const std::vector<fs::path>& folders) {
  std::vector<std::string> errors;
  const std::vector<fs::path> files = plugin_files(folders, errors);
  if (files.empty() && errors.empty()) {
    const auto named =
        folders | std::views::transform([](const fs::path& folder) { return folder.string(); });
    throw StartError(
        fmt::format("{}: there is no plugin here, and without any nothing is served. Correct "
                    "`plugin_folders` or install Lares again.",
                    fmt::join(named, ", ")));
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (i > 0 && same_name(files[i - 1], files[i])) {
      errors.push_back(two_of_one_name(files[i - 1], files[i]));
      continue;
    }
    try {
      plugins_.push_back(PluginLibrary::load(files[i], folders));
    } catch (const StartError& error) {
      errors.emplace_back(error.what());
    }
  }
  if (!errors.empty()) {
    throw StartError(fmt::format("{}", fmt::join(errors, "\n")));
  }
}

const PluginLibrary* Catalogue::find(std::string_view name) const noexcept {
  const auto found = std::ranges::find(plugins_, name, &PluginLibrary::name);
  return found == plugins_.end() ? nullptr : &*found;
}

void Catalogue::declare(DeclarationsImpl& declarations) const {
  for (const auto& plugin : plugins_) {
    declare_plugin(plugin, declarations);
  }
}

void declare_plugin(const PluginLibrary& plugin, DeclarationsImpl& declarations) {
  if (plugin.descriptor().declare == nullptr) {
    return;
  }
  declarations.set_plugin(plugin.name());
  try {
    plugin.descriptor().declare(declarations);
  } catch (const std::exception& error) {
    throw StartError(
        fmt::format("{}: its declarations are refused: {} Install plugins and server of one release.",
                    plugin.file().string(), error.what()));
  } catch (...) {
    throw StartError(fmt::format(
        "{}: its declarations are refused, and it does not say why. Install plugins and server of "
        "one release.",
        plugin.file().string()));
  }
}

}  // namespace lares::host
