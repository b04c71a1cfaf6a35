// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/service/server_keys.hpp>

#include <filesystem>

namespace lares {
class Config;
}
namespace lares::crypto {
class RandomSource;
}

namespace lares::host {

/// The server's name and signing key, read when the process starts.
class ServerKeysImpl final : public service::ServerKeys {
 public:
  /// Reads the key file that the configuration names; the main process makes it if there is none.
  /// **Errors**: StartError with file and remedy.
  ServerKeysImpl(const Config& config, crypto::RandomSource& random);
  ~ServerKeysImpl() override;

  [[nodiscard]] const matrix::ServerName& server_name() const noexcept override { return name_; }
  [[nodiscard]] const crypto::SigningKey& signing_key() const noexcept override { return key_; }
  [[nodiscard]] const std::filesystem::path& file() const noexcept { return file_; }
  /// Whether this start made the key.
  [[nodiscard]] bool made() const noexcept { return made_; }

 private:
  matrix::ServerName name_;
  std::filesystem::path file_;
  bool made_ = false;
  crypto::SigningKey key_;
};

}  // namespace lares::host
