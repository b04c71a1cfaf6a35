// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/crypto/random_source.hpp>

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <vector>

namespace lares::ctl {

/// What a new configuration is to say.
struct GenerateOptions {
  std::string server_name;
  std::filesystem::path config_dir = ".";
  std::filesystem::path data_dir = {};  ///< empty for config_dir
  std::string bind_address = "127.0.0.1";
  std::uint16_t port = 8008;
  bool open_registration = false;
  bool rate_limits = true;
};

/// Makes the folders, `homeserver.yaml`, the secrets (mode 0600) and the signing key. Secrets and keys that
/// exist are kept and used; an existing `homeserver.yaml` is an error.
///
/// Returns the files it wrote. **Errors**: a sentence; what was written until then stays.
[[nodiscard]] std::expected<std::vector<std::filesystem::path>, std::string> generate(
    const GenerateOptions& options, crypto::RandomSource& random);

}  // namespace lares::ctl
