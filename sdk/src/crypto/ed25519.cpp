// SPDX-License-Identifier: Apache-2.0
#include <sodium.h>
#include <lares/crypto/base64.hpp>
#include <lares/crypto/ed25519.hpp>

#include <cstring>

namespace lares::crypto {

namespace {

constexpr std::string_view kAlgorithm = "ed25519:";

const unsigned char* bytes_of(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

SigningKey::SigningKey(std::string_view version, const Ed25519Seed& seed) : id_{kAlgorithm} {
  id_ += version;
  crypto_sign_seed_keypair(public_key_.data(), secret_.data(), seed.data());
}

SigningKey SigningKey::generate(std::string_view version, RandomSource& random) {
  Ed25519Seed seed{};
  random.fill(seed);
  SigningKey key{version, seed};
  sodium_memzero(seed.data(), seed.size());
  return key;
}

SigningKey::~SigningKey() {
  sodium_memzero(secret_.data(), secret_.size());
}

std::string_view SigningKey::version() const noexcept {
  return std::string_view{id_}.substr(kAlgorithm.size());
}

Ed25519Seed SigningKey::seed() const noexcept {
  Ed25519Seed seed{};
  std::memcpy(seed.data(), secret_.data(), seed.size());
  return seed;
}

Ed25519Signature SigningKey::sign(std::string_view message) const noexcept {
  Ed25519Signature signature{};
  crypto_sign_detached(signature.data(), nullptr, bytes_of(message), message.size(), secret_.data());
  return signature;
}

bool verify_ed25519(const Ed25519PublicKey& key, std::string_view message,
                    const Ed25519Signature& signature) noexcept {
  return crypto_sign_verify_detached(signature.data(), bytes_of(message), message.size(), key.data()) == 0;
}

std::optional<Ed25519PublicKey> parse_public_key(std::string_view base64) noexcept {
  Ed25519PublicKey key{};
  if (!base64_decode_to(key, base64)) {
    return std::nullopt;
  }
  return key;
}

}  // namespace lares::crypto
