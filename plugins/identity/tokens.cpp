// SPDX-License-Identifier: Apache-2.0
#include "tokens.hpp"

#include <lares/crypto/hash.hpp>

#include <array>

namespace lares::identity {

namespace {

constexpr std::size_t kRandomLetters = 30;
constexpr std::size_t kChecksumLetters = 6;
constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

std::string_view prefix(TokenKind kind) {
  return kind == TokenKind::kAccess ? "lst_" : "lrt_";
}

std::array<char, kChecksumLetters> checksum(std::string_view text) noexcept {
  const crypto::Sha256Digest digest = crypto::sha256(text);
  std::array<char, kChecksumLetters> letters{};
  for (std::size_t i = 0; i < kChecksumLetters; ++i) {
    letters[i] = kLetters[digest[i] % kLetters.size()];
  }
  return letters;
}

}  // namespace

std::string make_token(TokenKind kind, crypto::RandomSource& random) {
  std::string token{prefix(kind)};
  token += crypto::random_alphanumeric(random, kRandomLetters);
  const auto sum = checksum(token);
  token += '_';
  token.append(sum.data(), sum.size());
  return token;
}

bool looks_like_token(TokenKind kind, std::string_view text) noexcept {
  const std::size_t length = prefix(kind).size() + kRandomLetters;
  if (text.size() != length + 1 + kChecksumLetters || !text.starts_with(prefix(kind)) ||
      text[length] != '_') {
    return false;
  }
  const auto sum = checksum(text.substr(0, length));
  return text.substr(length + 1) == std::string_view{sum.data(), sum.size()};
}

std::string token_hash(std::string_view token) {
  const crypto::Sha256Digest digest = crypto::sha256(token);
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace lares::identity
