// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <config/loader.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace lares::config {

/// A folder for the files of one test, and short ways to write and read them.
class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() {
    std::string name = (std::filesystem::temp_directory_path() / "lares-config-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~ConfigTest() override { std::filesystem::remove_all(folder_); }

  /// Writes a file that only its owner can read, and gives its path.
  std::filesystem::path write(const std::filesystem::path& name, std::string_view text) {
    const auto path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    set_mode(path, 0600);
    return path;
  }
  static void set_mode(const std::filesystem::path& path, unsigned mode) {
    std::filesystem::permissions(path, static_cast<std::filesystem::perms>(mode));
  }

  /// Loads one file with this text.
  LoadResult load_text(std::string_view text, std::map<std::string, std::string> environment = {}) {
    return load({.paths = {write("homeserver.yaml", text)}, .environment = std::move(environment)}, keys_);
  }

  /// The diagnostics with the folder's path taken out, one a line.
  [[nodiscard]] std::string said(const LoadResult& result) const { return said(result.diagnostics); }
  [[nodiscard]] std::string said(const std::vector<Diagnostic>& diagnostics) const {
    std::string text;
    for (const auto& diagnostic : diagnostics) {
      text += without_folder(to_string(diagnostic)) + "\n";
    }
    return text;
  }
  [[nodiscard]] std::string without_folder(std::string text) const {
    const std::string prefix = folder_.string() + "/";
    for (std::size_t at = 0; (at = text.find(prefix, at)) != std::string::npos;) {
      text.erase(at, prefix.size());
    }
    return text;
  }

  void declare(ConfigKey key) {
    if (key.meaning.empty()) {
      key.meaning = "A key of a test.";
    }
    keys_.add("test", std::move(key));
  }

  std::filesystem::path folder_;
  KeySet keys_;
};

}  // namespace lares::config
