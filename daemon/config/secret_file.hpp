// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>

namespace lares::config {

/// Reads a file that holds a secret (a key, a password): a regular file of at most `limit` bytes that nobody
/// but its owner and group can read or write.
///
/// **Errors**: a sentence with the file and the remedy.
[[nodiscard]] std::expected<std::string, std::string> read_secret_file(const std::filesystem::path& path,
                                                                       std::size_t limit = 1u << 20);

/// Writes a new file with mode 0600, durable when it returns. Never replaces a file. Whoever finds the file
/// finds all of it, also where this is cut off in the middle.
///
/// **Errors**: a sentence with the file and the reason.
[[nodiscard]] std::expected<void, std::string> write_secret_file(const std::filesystem::path& path,
                                                                 std::string_view content);

}  // namespace lares::config
