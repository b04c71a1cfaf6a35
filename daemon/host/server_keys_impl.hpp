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

/// Where the signing key comes from.
enum class KeyUse {
  ReadOrMake,  ///< the configured file; the main process makes it if there is none
  Ephemeral,   ///< a key of its own that is gone afterwards: for looking at a server that is never started
};

/// The server's name and signing key, read when the process starts.
class ServerKeysImpl final : public service::ServerKeys {
 public:
  /// **Errors**: StartError with file and remedy.
  ServerKeysImpl(const Config& config, crypto::RandomSource& random, KeyUse use);
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
