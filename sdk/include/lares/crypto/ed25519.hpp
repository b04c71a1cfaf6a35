// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/crypto/random_source.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lares::crypto {

using Ed25519Seed = std::array<std::uint8_t, 32>;
using Ed25519PublicKey = std::array<std::uint8_t, 32>;
using Ed25519Signature = std::array<std::uint8_t, 64>;

/// A key that signs, with the identifier under which its signatures stand (`ed25519:a_1a2B`).
///
/// The secret half is wiped when the object goes.
class LARES_EXPORT SigningKey {
 public:
  /// `version` is the part of the identifier behind `ed25519:`; the specification allows [A-Za-z0-9_].
  SigningKey(std::string_view version, const Ed25519Seed& seed);
  /// A new key from 32 random bytes.
  [[nodiscard]] static SigningKey generate(std::string_view version, RandomSource& random);

  SigningKey(const SigningKey&) = default;
  SigningKey(SigningKey&&) noexcept = default;
  SigningKey& operator=(const SigningKey&) = default;
  SigningKey& operator=(SigningKey&&) noexcept = default;
  ~SigningKey();

  /// `ed25519:VERSION`.
  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  /// What follows the colon.
  [[nodiscard]] std::string_view version() const noexcept;
  [[nodiscard]] const Ed25519PublicKey& public_key() const noexcept { return public_key_; }
  /// The seed, for writing the key file.
  [[nodiscard]] Ed25519Seed seed() const noexcept;

  [[nodiscard]] Ed25519Signature sign(std::string_view message) const noexcept;

 private:
  std::string id_;
  Ed25519PublicKey public_key_{};
  std::array<std::uint8_t, 64> secret_{};
};

/// Whether `signature` is one of `message` by the owner of `key`.
[[nodiscard]] LARES_EXPORT bool verify_ed25519(const Ed25519PublicKey& key, std::string_view message,
                                               const Ed25519Signature& signature) noexcept;

/// A public key out of unpadded base64, as key documents carry it; nothing when it is not 32 bytes.
[[nodiscard]] LARES_EXPORT std::optional<Ed25519PublicKey> parse_public_key(std::string_view base64) noexcept;

}  // namespace lares::crypto
