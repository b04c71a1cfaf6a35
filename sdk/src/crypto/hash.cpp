// SPDX-License-Identifier: Apache-2.0
// The one-call functions of OpenSSL 3 look their algorithm up by name each time, which costs as much as
// hashing an event. The functions of before do not, use the processor's SHA instructions alike, and are
// deprecated only in favour of that lookup.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <sodium.h>
#include <lares/crypto/hash.hpp>

#include <cstring>
#include <new>

namespace lares::crypto {

namespace {

constexpr std::size_t kBlock = 64;

/// HMAC over a hash with blocks of 64 bytes. spec: RFC 2104
template <class Digest, class Hash>
Digest hmac(std::string_view key, std::string_view message, Hash hash) noexcept {
  std::array<std::uint8_t, kBlock> padded{};
  if (key.size() > kBlock) {
    const Digest short_key = hash(key, std::string_view{});
    std::memcpy(padded.data(), short_key.data(), short_key.size());
  } else if (!key.empty()) {
    std::memcpy(padded.data(), key.data(), key.size());
  }
  std::array<char, kBlock> inner{};
  std::array<char, kBlock> outer{};
  for (std::size_t i = 0; i < kBlock; ++i) {
    inner[i] = static_cast<char>(padded[i] ^ 0x36U);
    outer[i] = static_cast<char>(padded[i] ^ 0x5CU);
  }
  const Digest first = hash(std::string_view{inner.data(), kBlock}, message);
  const Digest second = hash(std::string_view{outer.data(), kBlock},
                             std::string_view{reinterpret_cast<const char*>(first.data()), first.size()});
  sodium_memzero(padded.data(), padded.size());
  sodium_memzero(inner.data(), inner.size());
  sodium_memzero(outer.data(), outer.size());
  return second;
}

Sha1Digest sha1(std::string_view first, std::string_view second) noexcept {
  SHA_CTX context;
  Sha1Digest digest;
  SHA1_Init(&context);
  SHA1_Update(&context, first.data(), first.size());
  SHA1_Update(&context, second.data(), second.size());
  SHA1_Final(digest.data(), &context);
  return digest;
}

}  // namespace

Sha256Digest sha256(std::string_view bytes) noexcept {
  SHA256_CTX context;
  Sha256Digest digest;
  SHA256_Init(&context);
  SHA256_Update(&context, bytes.data(), bytes.size());
  SHA256_Final(digest.data(), &context);
  return digest;
}

Sha256::Sha256() noexcept {
  static_assert(sizeof(SHA256_CTX) <= sizeof(state_) && alignof(SHA256_CTX) <= 8);
  SHA256_Init(new (state_.data()) SHA256_CTX);
}

Sha256& Sha256::update(std::string_view bytes) noexcept {
  SHA256_Update(std::launder(reinterpret_cast<SHA256_CTX*>(state_.data())), bytes.data(), bytes.size());
  return *this;
}

Sha256Digest Sha256::finish() noexcept {
  Sha256Digest digest;
  SHA256_Final(digest.data(), std::launder(reinterpret_cast<SHA256_CTX*>(state_.data())));
  return digest;
}

Sha1Digest hmac_sha1(std::string_view key, std::string_view message) noexcept {
  return hmac<Sha1Digest>(key, message, sha1);
}

Sha256Digest hmac_sha256(std::string_view key, std::string_view message) noexcept {
  return hmac<Sha256Digest>(key, message, [](std::string_view first, std::string_view second) {
    return Sha256{}.update(first).update(second).finish();
  });
}

std::string hex_encode(std::span<const std::uint8_t> bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    out += kHex[byte >> 4U];
    out += kHex[byte & 0x0FU];
  }
  return out;
}

bool equal_constant_time(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && (a.empty() || sodium_memcmp(a.data(), b.data(), a.size()) == 0);
}

}  // namespace lares::crypto
