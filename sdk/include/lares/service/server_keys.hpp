// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/crypto/ed25519.hpp>
#include <lares/matrix/identifiers.hpp>

#include <string_view>

namespace lares::service {

/// The server's name as an identifier, and the key it signs with. Provided by the host, before plugins are
/// constructed.
///
/// **Threads**: any; nothing changes while the process lives.
class LARES_EXPORT ServerKeys {
 public:
  static constexpr std::string_view kServiceId = "lares.server-keys/1";
  virtual ~ServerKeys();

  [[nodiscard]] virtual const matrix::ServerName& server_name() const noexcept = 0;
  [[nodiscard]] virtual const crypto::SigningKey& signing_key() const noexcept = 0;
};

}  // namespace lares::service
