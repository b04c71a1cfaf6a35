// SPDX-License-Identifier: Apache-2.0
#include "passwords.hpp"

#include <lares/async/runtime.hpp>
#include <lares/crypto/hash.hpp>

#include <crypt.h>
#include <sodium.h>

#include <array>
#include <memory>
#include <new>

namespace lares::identity {

namespace {

std::string argon2id(const std::string& given, const PasswordCost& cost) {
  const std::string password = given + cost.pepper;
  std::array<char, crypto_pwhash_STRBYTES> out{};
  if (crypto_pwhash_str_alg(out.data(), password.data(), password.size(), cost.operations,
                            static_cast<std::size_t>(cost.memory), crypto_pwhash_ALG_ARGON2ID13) != 0) {
    throw std::bad_alloc{};
  }
  return out.data();
}

bool bcrypt_matches(const std::string& password, const std::string& stored) {
  const auto data = std::make_unique<crypt_data>();
  const char* made = crypt_r(password.c_str(), stored.c_str(), data.get());
  return made != nullptr && made[0] != '*' && crypto::equal_constant_time(made, stored);
}

}  // namespace

Passwords::Passwords(Runtime& runtime, PasswordCost cost)
    : pool_(runtime.create_pool({.name = "password", .threads = 2, .max_queue = 256})), cost_(cost) {}

Task<std::string> Passwords::hash(std::string password) {
  return run_on(pool_, [password = std::move(password), cost = cost_] { return argon2id(password, cost); });
}

Task<Passwords::Check> Passwords::check(std::string password, std::string stored_hash) {
  return run_on(pool_, [password = std::move(password), stored = std::move(stored_hash), cost = cost_] {
    if (stored.empty()) {
      (void)argon2id(password, cost);
      return Check{};
    }
    const std::string peppered = password + cost.pepper;
    if (stored.starts_with("$2")) {
      const bool right = bcrypt_matches(peppered, stored);
      return Check{.right = right, .upgrade = right};
    }
    const bool right = crypto_pwhash_str_verify(stored.c_str(), peppered.data(), peppered.size()) == 0;
    const bool old = crypto_pwhash_str_needs_rehash(stored.c_str(), cost.operations,
                                                    static_cast<std::size_t>(cost.memory)) != 0;
    return Check{.right = right, .upgrade = right && old};
  });
}

}  // namespace lares::identity
