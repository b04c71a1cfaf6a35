// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/crypto/ed25519.hpp>

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

namespace lares {
class Config;
}

namespace lares::config {

/// The keys of a signing-key file, one a line: `ed25519 a_1a2B SEED`, the seed in unpadded base64. The first
/// one signs.
///
/// **Errors**: a sentence with the file, the line and the remedy. A file that others can read is refused.
[[nodiscard]] std::expected<std::vector<crypto::SigningKey>, std::string> read_signing_keys(
    const std::filesystem::path& path);

/// Makes a key with an identifier `a_XXXX` of four random letters and digits, and writes it with mode 0600.
/// Never replaces a file.
[[nodiscard]] std::expected<crypto::SigningKey, std::string> generate_signing_key(
    const std::filesystem::path& path, crypto::RandomSource& random);

/// `signing_key_path`, or `<data_dir>/<server_name>.signing.key` when that is not set.
[[nodiscard]] std::filesystem::path signing_key_path(const Config& config);

}  // namespace lares::config
