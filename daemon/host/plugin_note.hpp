// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace lares::host {

/// What a library says of itself in its note section, read from the file without loading it.
struct PluginNote {
  std::string tier;  ///< "in-tree" or "module"
  std::uint32_t abi_major = 0;
  std::string fingerprint;
  std::string name;
  std::string version;
  std::vector<std::string> provides;
  std::vector<std::string> needs;
  std::vector<std::string> uses;
};

/// Reads the text of a note section. **Errors**: what is wrong with it, as the second half of a sentence.
[[nodiscard]] std::expected<PluginNote, std::string> parse_note(std::string_view text);

/// Reads the note out of a library. Nothing of the file runs; every offset in it is checked.
/// **Errors**: a sentence that begins with the file and says what it is instead.
[[nodiscard]] std::expected<PluginNote, std::string> read_note(const std::filesystem::path& file);

}  // namespace lares::host
