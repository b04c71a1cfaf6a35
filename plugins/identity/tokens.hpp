// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/crypto/random_source.hpp>

#include <string>
#include <string_view>

namespace lares::identity {

/// Kinds of token, told apart by their prefix so that one that leaks into a log or a repository can be found.
enum class TokenKind { kAccess, kRefresh };

/// A new token: prefix, 30 random letters and digits (178 bits), and six more as a checksum, by which a text
/// that never was a token is refused without asking the database.
[[nodiscard]] std::string make_token(TokenKind kind, crypto::RandomSource& random);

[[nodiscard]] bool looks_like_token(TokenKind kind, std::string_view text) noexcept;

/// What is stored of a token: its SHA-256.
[[nodiscard]] std::string token_hash(std::string_view token);

}  // namespace lares::identity
